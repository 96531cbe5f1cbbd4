package dev.nudge.world;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.Collectors;

/// A part that every machine of the family has: its letter begins the fault code, its team follows
/// from it.
enum Part {
  PUMP("P", Team.WATER, "pump", "water pump"),
  HOSE("H", Team.WATER, "hose", "inlet hose"),
  TANK("T", Team.WATER, "tank", "reservoir"),
  VALVE("V", Team.WATER, "valve", "shutter"),
  BATTERY("B", Team.POWER, "battery", "power pack"),
  CHARGER("C", Team.POWER, "charger", "charging dock"),
  FUSE("F", Team.POWER, "fuse", "cutout"),
  HEATER("E", Team.POWER, "heater", "heating coil"),
  BELT("L", Team.MOTION, "belt", "drive strap"),
  WHEEL("W", Team.MOTION, "wheel", "caster"),
  ARM("A", Team.MOTION, "arm", "lever"),
  GEARBOX("G", Team.MOTION, "gearbox", "transmission"),
  DISPLAY("D", Team.CONTROL, "display", "screen"),
  KEYPAD("K", Team.CONTROL, "keypad", "button panel"),
  SENSOR("S", Team.CONTROL, "sensor", "probe"),
  TIMER("M", Team.CONTROL, "timer", "clock");

  private final String letter;
  private final Team team;
  private final String word;
  private final String other;

  Part(String letter, Team team, String word, String other) {
    this.letter = letter;
    this.team = team;
    this.word = word;
    this.other = other;
  }

  String letter() {
    return letter;
  }

  Team team() {
    return team;
  }

  /// The part's name in the handbook.
  String word() {
    return word;
  }

  /// The part's other name, as customers call it, at most two words.
  String other() {
    return other;
  }

  /// Draws one of the part's two names.
  String said(Random random) {
    return random.nextBoolean() ? word : other;
  }

  /// The parts of a team with their letters, as the handbook lists them.
  static String of(Team team) {
    return Arrays.stream(values())
        .filter(part -> part.team == team)
        .map(part -> part.word + " (" + part.letter + ")")
        .collect(Collectors.joining(", "));
  }
}
