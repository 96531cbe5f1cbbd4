package dev.nudge.settings;

/// Says that a queue or quota is full, and when to retry. Nothing was started.
public final class BusyException extends NudgeException {
  private static final long serialVersionUID = 1L;

  private final int retryAfterSeconds;

  public BusyException(String message, int retryAfterSeconds) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /// Seconds after which a retry will probably succeed.
  public int retryAfterSeconds() {
    return retryAfterSeconds;
  }
}
