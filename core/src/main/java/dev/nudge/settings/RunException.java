package dev.nudge.settings;

/// A run that failed after it had started (disk full, divergence by setting): exit code 1.
public final class RunException extends NudgeException {
  private static final long serialVersionUID = 1L;

  public RunException(String message) {
    super(message);
  }

  public RunException(String message, Throwable cause) {
    super(message, cause);
  }
}
