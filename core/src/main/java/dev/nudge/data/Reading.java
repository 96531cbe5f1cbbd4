package dev.nudge.data;

import dev.nudge.data.source.Pick;
import dev.nudge.settings.DataSettings;
import dev.nudge.settings.EvalSplit;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What is read of the data, and how closely it is looked at.
///
/// @param flaws counts what it sees; null: nothing is looked for
/// @param groups null: no row is held out by its group
record Reading(
    DataSettings data, Pick pick, @Nullable Flaws flaws, EvalSplit.@Nullable Grouped groups) {

  static Reading all(DataSettings data) {
    return new Reading(data, Pick.TRAIN, null, null);
  }

  /// What the tokens and the facts of rows follow from.
  Map<String, @Nullable Object> rule() {
    Map<String, @Nullable Object> rule = new LinkedHashMap<>();
    rule.put("data", data);
    rule.put("pick", pick.toString());
    rule.put("looks", flaws != null);
    rule.put("groups", groups == null ? null : groups.toString());
    return rule;
  }

  /// Counts the flaws of rows.
  ///
  /// @return the sequences of those that stay
  List<Example> without(TokenCache.Rows rows) {
    if (flaws == null || rows.facts().flawed().isEmpty()) {
      return rows.examples();
    }
    Set<Integer> left = new HashSet<>();
    for (RowFacts.Flawed row : rows.facts().flawed()) {
      if (!flaws.add(new Look(row.flaws(), row.kinds()), Path.of(row.file()), row.line())) {
        left.add(row.index());
      }
    }
    return left.isEmpty()
        ? rows.examples()
        : rows.examples().stream().filter(e -> !left.contains(e.index())).toList();
  }
}
