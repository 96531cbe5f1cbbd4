package dev.nudge.world;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.Collectors;

/// A machine part; it determines the letter of the fault code and the support team.
enum MachinePart {
  PUMP("P", SupportTeam.WATER, "pump", "water pump"),
  HOSE("H", SupportTeam.WATER, "hose", "inlet hose"),
  TANK("T", SupportTeam.WATER, "tank", "reservoir"),
  VALVE("V", SupportTeam.WATER, "valve", "shutter"),
  BATTERY("B", SupportTeam.POWER, "battery", "power pack"),
  CHARGER("C", SupportTeam.POWER, "charger", "charging dock"),
  FUSE("F", SupportTeam.POWER, "fuse", "cutout"),
  HEATER("E", SupportTeam.POWER, "heater", "heating coil"),
  BELT("L", SupportTeam.MOTION, "belt", "drive strap"),
  WHEEL("W", SupportTeam.MOTION, "wheel", "caster"),
  ARM("A", SupportTeam.MOTION, "arm", "lever"),
  GEARBOX("G", SupportTeam.MOTION, "gearbox", "transmission"),
  DISPLAY("D", SupportTeam.CONTROL, "display", "screen"),
  KEYPAD("K", SupportTeam.CONTROL, "keypad", "button panel"),
  SENSOR("S", SupportTeam.CONTROL, "sensor", "probe"),
  TIMER("M", SupportTeam.CONTROL, "timer", "clock");

  private final String letter;
  private final SupportTeam team;
  private final String word;
  private final String other;

  MachinePart(String letter, SupportTeam team, String word, String other) {
    this.letter = letter;
    this.team = team;
    this.word = word;
    this.other = other;
  }

  String letter() {
    return letter;
  }

  SupportTeam team() {
    return team;
  }

  /// Returns the part's name in the handbook.
  String word() {
    return word;
  }

  /// Returns the part's colloquial name, at most two words.
  String other() {
    return other;
  }

  /// Draws one of the part's two names.
  String said(Random random) {
    return random.nextBoolean() ? word : other;
  }

  /// Lists the parts of a team with their letters, as in the handbook.
  static String of(SupportTeam team) {
    return Arrays.stream(values())
        .filter(part -> part.team == team)
        .map(part -> part.word + " (" + part.letter + ")")
        .collect(Collectors.joining(", "));
  }

  /// The support team of a part.
  enum SupportTeam {
    WATER,
    POWER,
    MOTION,
    CONTROL;

    /// Returns the team's name as an answer spells it.
    String word() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }
}
