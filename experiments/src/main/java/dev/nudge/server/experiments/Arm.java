package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// An arm of an experiment; the first is the control.
///
/// @param name in reports and replies: `A`
/// @param adapter as named by the user: a name, alias, version, or the base
/// @param digest of the adapter when the experiment began, which answers wherever the alias moves;
///     null: the base without an adapter
/// @param weight share of the units relative to the other arms; for the shadow arm the percentage
///     of units that it answers too
public record Arm(String name, String adapter, @Nullable String digest, int weight) {}
