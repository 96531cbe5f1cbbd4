package dev.nudge.cli;

/// The exit codes for scripts; a gate adds its own ([dev.nudge.eval.gate.Verdict#exitCode]), of
/// which 4 is inconclusive.
final class ExitCode {
  static final int DONE = 0;

  /// A failure at run time.
  static final int FAILED = 1;

  /// A user error, found before the work began.
  static final int WRONG = 2;

  /// A gate or a tolerance check failed.
  static final int REFUSED = 3;

  private ExitCode() {}
}
