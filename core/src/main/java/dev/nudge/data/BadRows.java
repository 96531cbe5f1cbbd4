package dev.nudge.data;

import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Counts the bad rows of a data set and refuses it.
///
/// One bad row refuses all, unless they are to be set aside; data without a good row is refused in
/// any case. The message counts, the first [#SHOWN] rows stand under it.
final class BadRows {
  static final int SHOWN = 20;

  private final List<BadRow> first = new ArrayList<>();
  private final Set<String> reasons = new HashSet<>();
  private int count;

  void add(BadRow row) {
    count++;
    if (first.size() < SHOWN) {
      first.add(row);
    }
    if (reasons.size() < 2) {
      reasons.add(row.reason());
    }
  }

  int count() {
    return count;
  }

  List<BadRow> first() {
    return List.copyOf(first);
  }

  /// @param rows all rows, bad ones included
  void check(int rows, boolean skip, List<String> files) {
    String source = name(files);
    if (rows == 0) {
      throw new InputException(source + " holds no rows; a row is a line with a JSON object");
    }
    boolean none = count == rows;
    if (none || count > 0 && !skip) {
      String knob = none ? "" : "; --skip-bad-rows sets them aside";
      String why = reasons.size() == 1 && count > 1 ? " (" + first.getFirst().reason() + ")" : "";
      String how = rows == 1 ? " row is bad" : count == 1 ? " rows is bad" : " rows are bad";
      throw new InputException(
          source + ": " + count + " of " + rows + how + why + knob,
          first.stream().map(BadRow::toString).toList());
    }
  }

  static String name(List<String> files) {
    return files.size() == 1 ? files.getFirst() : String.join(", ", files);
  }
}
