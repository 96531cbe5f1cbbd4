package dev.nudge.world;

/// Who looks after a part.
enum Team {
  WATER,
  POWER,
  MOTION,
  CONTROL;

  /// As an answer spells it.
  String word() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
