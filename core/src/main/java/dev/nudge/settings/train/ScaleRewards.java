package dev.nudge.settings.train;

/// The standard deviation by which a group's centred rewards are divided.
public enum ScaleRewards {
  /// The group's.
  GROUP,
  /// The step's, over all rewards.
  BATCH,
  /// No division.
  NONE
}
