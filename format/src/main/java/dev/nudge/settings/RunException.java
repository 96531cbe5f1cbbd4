package dev.nudge.settings;

/// Thrown if a run fails after its start (disk full, [DivergedException]): exit code 1.
public class RunException extends NudgeException {
  private static final long serialVersionUID = 1L;

  public RunException(String message) {
    super(message);
  }

  public RunException(String message, Throwable cause) {
    super(message, cause);
  }
}
