package dev.nudge.world;

import java.util.List;
import java.util.Random;

/// A symptom of a part, such as a leak; it determines the number of the fault code and the first
/// step, independently of the part.
enum Symptom {
  NOISE(
      11, "tighten the side screws", "rattles", "hums loudly", "makes grinding noises", "squeaks"),
  LEAK(19, "put a cloth below", "leaks", "drips", "lets fluid out", "is wet underneath"),
  HEAT(24, "let it cool down", "overheats", "gets too hot", "burns my fingers", "runs hot"),
  DEAD(
      37,
      "try another socket",
      "does not start",
      "stays dead",
      "shows no life",
      "will not respond"),
  STOPS(42, "restart it once", "cuts out", "keeps stopping", "gives up halfway", "quits too soon"),
  LOOSE(58, "lay it flat", "is loose", "wobbles", "has come off", "shakes about"),
  STUCK(63, "clear the opening", "is blocked", "has jammed", "will not move", "is stuck fast"),
  SMELL(75, "open a window", "smells odd", "stinks of rubber", "smells burnt", "gives off fumes"),
  CRACK(86, "keep your hands away", "is cracked", "split open", "has a crack", "broke in two"),
  SLOW(
      90,
      "clean the inlet filter",
      "is too slow",
      "takes for ever",
      "lags behind",
      "has become sluggish");

  private final int number;
  private final String step;
  private final List<String> sayings;

  Symptom(int number, String step, String... sayings) {
    this.number = number;
    this.step = step;
    this.sayings = List.of(sayings);
  }

  int number() {
    return number;
  }

  /// Returns the first step for the customer until help comes.
  String step() {
    return step;
  }

  /// Returns the wordings of the symptom, at most three words each; the first is the handbook's.
  List<String> sayings() {
    return sayings;
  }

  String said(Random random) {
    return sayings.get(random.nextInt(sayings.size()));
  }
}
