package dev.nudge.world;

/// The support team of a part.
enum SupportTeam {
  WATER,
  POWER,
  MOTION,
  CONTROL;

  /// The team's name as an answer spells it.
  String word() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
