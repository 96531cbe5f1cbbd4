package dev.nudge.eval.gate;

import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/// The kinds of rules, each a key of a policy file, in the order in which they are read.
public enum RuleKind {
  IMPROVE,
  RETAIN,
  FLOOR,
  CEILING,
  JUDGE,
  LEAKAGE,
  LATENCY;

  /// The key, in lower case.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// All keys.
  static List<String> words() {
    return Stream.of(values()).map(RuleKind::word).toList();
  }
}
