package dev.nudge.registry;

import java.util.Locale;

/// Where a version stands in its life.
///
/// An alias that comes to a version makes it deployed, and nothing else does; when the last alias
/// leaves, it is retired. All else is said by people or programs.
public enum VersionState {
  /// It is there.
  REGISTERED,
  /// Somebody has found it good.
  VALIDATED,
  /// An alias is at it.
  DEPLOYED,
  /// It was deployed, and is not any more.
  RETIRED,
  /// It must not be used: who asks for it is refused.
  BLOCKED;

  /// The state as users and files write it.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
