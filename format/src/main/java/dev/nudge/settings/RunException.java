package dev.nudge.settings;

/// Says that a run failed after its start (disk full, [DivergedException]): exit code 1.
public class RunException extends NudgeException {
  private static final long serialVersionUID = 1L;

  public RunException(String message) {
    super(message);
  }

  public RunException(String message, Throwable cause) {
    super(message, cause);
  }
}
