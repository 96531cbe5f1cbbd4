package dev.nudge.registry;

import java.util.Locale;

/// The lifecycle state of a version.
///
/// DEPLOYED is set when an alias moves to a version, and RETIRED when its last alias leaves. All
/// other states are set by users or programs.
public enum VersionState {
  /// Registered, nothing else is known.
  REGISTERED,
  /// Approved by somebody.
  VALIDATED,
  /// An alias is at the version.
  DEPLOYED,
  /// Was deployed; no alias is at the version.
  RETIRED,
  /// It must not be used: resolving it is refused.
  BLOCKED;

  /// The name of the state in commands and files.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
