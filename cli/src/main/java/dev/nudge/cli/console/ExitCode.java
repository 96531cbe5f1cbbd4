package dev.nudge.cli.console;

/// The exit codes for scripts; a gate has further ones ([dev.nudge.eval.gate.Verdict#exitCode]),
/// such as 4 for inconclusive.
public final class ExitCode {
  public static final int DONE = 0;

  /// A failure at run time.
  public static final int FAILED = 1;

  /// A user error, found before the work began.
  public static final int WRONG = 2;

  /// A gate or a tolerance check failed.
  public static final int REFUSED = 3;

  private ExitCode() {}
}
