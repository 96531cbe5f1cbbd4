package dev.nudge.registry;

import org.jspecify.annotations.Nullable;

/// Says that an alias goes only to versions that a gate has passed ([GateCheck]).
///
/// @param alias its name alone
/// @param policy digest of the policy that has to be the gate's; null: any policy
/// @param note who protected it, when, and why
public record Protection(String alias, @Nullable String policy, Note note) {}
