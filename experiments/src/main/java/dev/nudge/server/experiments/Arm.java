package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// An arm of an experiment; the first is the control.
///
/// @param name name in reports and replies: `A`
/// @param adapter the user's name for it: a name, alias, version, or the base
/// @param digest of the adapter at the start, which answers even if the alias moves; null: the base
///     without an adapter
/// @param weight share of the units relative to the other arms; for the shadow arm the percentage
///     of units that it also answers
public record Arm(String name, String adapter, @Nullable String digest, int weight) {}
