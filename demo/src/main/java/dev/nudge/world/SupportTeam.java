package dev.nudge.world;

/// The team that looks after a part.
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
