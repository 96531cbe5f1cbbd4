package dev.nudge.eval.gate;

import java.util.List;
import java.util.Locale;

/// What a rule, or a whole policy, comes to.
public enum Verdict {
  /// What was asked for is shown.
  PASS(0),
  /// The contrary is shown, or a number is beyond its limit.
  FAIL(3),
  /// Neither is shown: there are too few documents, or a number is not there.
  INCONCLUSIVE(4);

  private final int exitCode;

  Verdict(int exitCode) {
    this.exitCode = exitCode;
  }

  /// What a command ends with.
  public int exitCode() {
    return exitCode;
  }

  /// In lower case, as files have it.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The verdict of all: FAIL where one fails, else INCONCLUSIVE where one is, else PASS.
  public static Verdict of(List<Verdict> all) {
    return all.contains(FAIL) ? FAIL : all.contains(INCONCLUSIVE) ? INCONCLUSIVE : PASS;
  }
}
