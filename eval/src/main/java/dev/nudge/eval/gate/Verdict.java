package dev.nudge.eval.gate;

import java.util.List;
import java.util.Locale;

/// The result of a rule, or of a whole policy.
public enum Verdict {
  /// The condition is shown.
  PASS(0),
  /// The contrary is shown, or a plain number is beyond its limit.
  FAIL(3),
  /// Neither is shown: too few documents, or a number is missing.
  INCONCLUSIVE(4);

  private final int exitCode;

  Verdict(int exitCode) {
    this.exitCode = exitCode;
  }

  /// Returns the exit code of `nudge eval`.
  public int exitCode() {
    return exitCode;
  }

  /// Returns the name in lower case, as in files.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The verdict of a policy: FAIL if any rule fails, else INCONCLUSIVE if any is, else PASS.
  public static Verdict of(List<Verdict> all) {
    return all.contains(FAIL) ? FAIL : all.contains(INCONCLUSIVE) ? INCONCLUSIVE : PASS;
  }
}
