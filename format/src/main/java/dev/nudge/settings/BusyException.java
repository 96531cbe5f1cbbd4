package dev.nudge.settings;

/// Thrown if a queue or quota is full, with the time to retry. Nothing was started.
public final class BusyException extends NudgeException {
  private static final long serialVersionUID = 1L;

  private final int retryAfterSeconds;

  public BusyException(String message, int retryAfterSeconds) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /// Returns the seconds after which a retry will probably succeed.
  public int retryAfterSeconds() {
    return retryAfterSeconds;
  }
}
