package dev.nudge.registry;

import org.jspecify.annotations.Nullable;

/// The protection of an alias: only versions that passed a gate may get it ([GateCheck]).
///
/// @param alias name, without the adapter's name
/// @param policy digest of the required policy; null: any
/// @param note who protected it, when, and why
public record Protection(String alias, @Nullable String policy, Note note) {}
