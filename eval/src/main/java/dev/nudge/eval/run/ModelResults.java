package dev.nudge.eval.run;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/// All numbers of one model.
///
/// @param name `base`, `adapter` or `compare`
/// @param adapter the adapter on it, as it was named; null: the base alone
/// @param tasks by name, in the order in which they were run
/// @param groups by name
public record ModelResults(
    String name,
    @Nullable String adapter,
    Map<String, TaskScores> tasks,
    Map<String, GroupScores> groups) {

  /// The number of a task or a group.
  ///
  /// @param key `METRIC,FILTER`
  /// @return NaN where there is none
  public double value(String name, String key) {
    TaskScores task = tasks.get(name);
    TaskScores.Score own = task == null ? null : task.scores().get(key);
    if (own != null) {
      return own.value();
    }
    GroupScores group = groups.get(name);
    GroupScores.Score all = group == null ? null : group.scores().get(key);
    return all == null ? Double.NaN : all.value();
  }
}
