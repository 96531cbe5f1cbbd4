package dev.nudge.cli;

/// The exit codes that scripts rely on; beside them those of a gate
/// ([dev.nudge.eval.gate.Verdict#exitCode]), of which 4 says that the documents cannot tell.
final class ExitCode {
  static final int DONE = 0;

  /// Failed while running.
  static final int FAILED = 1;

  /// Wrong use or bad input, before anything was started.
  static final int WRONG = 2;

  /// A gate or a tolerance said no.
  static final int REFUSED = 3;

  private ExitCode() {}
}
