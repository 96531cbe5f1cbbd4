package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// One of the things that an experiment compares; the first is the one that the others are held
/// against.
///
/// @param name in reports and replies: `A`
/// @param adapter as it was named: a name, an alias, a version, or the base
/// @param digest of the adapter when the experiment began, which answers from then on whatever the
///     alias says later; null: the base without an adapter
/// @param weight its share of the units, among the others'; of the second arm of a shadow the
///     percentage of units that it answers too
public record Arm(String name, String adapter, @Nullable String digest, int weight) {}
