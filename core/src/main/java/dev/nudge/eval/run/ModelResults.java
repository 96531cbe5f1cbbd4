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
    Map<String, GroupScores> groups) {}
