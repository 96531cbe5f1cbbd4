package dev.nudge.train;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Says how a run ended.
///
/// @param values what `run.json` holds
public record RunResult(RunState state, Map<String, ? extends @Nullable Object> values) {}
