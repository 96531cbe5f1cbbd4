package dev.nudge.settings.train;

/// By which deviation the rewards of a group are divided, above their mean.
public enum ScaleRewards {
  /// That of the group.
  GROUP,
  /// That of all rewards of a step.
  BATCH,
  /// They are not divided.
  NONE
}
