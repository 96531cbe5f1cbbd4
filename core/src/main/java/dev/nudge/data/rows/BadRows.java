package dev.nudge.data.rows;

import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Counts the bad rows of a data set, and refuses the data if there are any.
///
/// With `--skip-bad-rows` bad rows are set aside instead; data without a good row is always
/// refused. The message has the count; under it stands a line for each kind of mistake, with its
/// first places, [#SHOWN] kinds at most.
public final class BadRows {
  static final int SHOWN = 20;

  private final List<BadRow> first = new ArrayList<>();
  private final Map<String, Alike> kinds = new LinkedHashMap<>();
  private int count;
  private int others; // rows of kinds that are not shown

  public void add(BadRow row) {
    count++;
    if (first.size() < SHOWN) {
      first.add(row);
    }
    if (kinds.size() == SHOWN && !kinds.containsKey(row.kind())) {
      others++;
    } else {
      kinds.computeIfAbsent(row.kind(), kind -> new Alike()).add(row);
    }
  }

  public int count() {
    return count;
  }

  public List<BadRow> first() {
    return List.copyOf(first);
  }

  /// @param rows all rows, bad ones included
  public void check(int rows, boolean skip, List<String> files) {
    String source = name(files);
    if (rows == 0) {
      throw new InputException(
          source + " holds no rows; a row is a JSON object, or a record below a header");
    }
    boolean none = count == rows;
    if (none || count > 0 && !skip) {
      String knob = none ? "" : "; --skip-bad-rows sets them aside";
      String how = rows == 1 ? " row is bad" : count == 1 ? " rows is bad" : " rows are bad";
      throw new InputException(source + ": " + count + " of " + rows + how + knob, lines());
    }
  }

  /// A line for each kind of mistake, with its first places.
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    kinds.values().forEach(alike -> lines.add(alike.line()));
    if (others > 0) {
      lines.add("and " + Count.of(others, "row") + " for other reasons");
    }
    return lines;
  }

  public static String name(List<String> files) {
    return files.size() == 1 ? files.getFirst() : String.join(", ", files);
  }

  /// Rows with the same mistake.
  private static final class Alike {
    private static final int PLACES = 5;

    private final List<BadRow> first = new ArrayList<>();
    private int count;
    private boolean same = true; // the reason, to the letter

    void add(BadRow row) {
      count++;
      if (first.size() < PLACES) {
        first.add(row);
      }
      same &= row.reason().equals(first.getFirst().reason());
    }

    String line() {
      BadRow one = first.getFirst();
      if (count == 1) {
        return one.toString();
      }
      String why = same ? one.reason() : one.kind() + ", the first: " + one.reason();
      return places() + " (" + count + " rows): " + why;
    }

    /// `a.jsonl lines 1, 4, b.jsonl line 2, …`.
    private String places() {
      Map<Path, List<String>> lines = new LinkedHashMap<>();
      for (BadRow row : first) {
        lines
            .computeIfAbsent(row.file(), file -> new ArrayList<>())
            .add(Integer.toString(row.line()));
      }
      List<String> files = new ArrayList<>();
      lines.forEach(
          (file, numbers) ->
              files.add(
                  file
                      + (numbers.size() == 1 ? " line " : " lines ")
                      + String.join(", ", numbers)));
      return String.join(", ", files) + (count > first.size() ? ", …" : "");
    }
  }
}
