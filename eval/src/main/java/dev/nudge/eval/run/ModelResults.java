package dev.nudge.eval.run;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/// All metrics of one evaluated model.
///
/// @param name `base`, `adapter` or `compare`
/// @param adapter the adapter as named by the user; null: the base alone
/// @param tasks results of tasks by name, in run order
/// @param groups results of groups by name
public record ModelResults(
    String name,
    @Nullable String adapter,
    Map<String, TaskScores> tasks,
    Map<String, GroupScores> groups) {

  /// Returns the value of a metric of a task or group.
  ///
  /// @param key `METRIC,FILTER`
  /// @return NaN if there is none
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
