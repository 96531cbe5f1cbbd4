package dev.nudge.settings;

/// Says that there is more to do than can wait, and when to ask again. Nothing was begun.
public final class BusyException extends NudgeException {
  private static final long serialVersionUID = 1L;

  private final int retryAfterSeconds;

  public BusyException(String message, int retryAfterSeconds) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /// Seconds after which there is probably room.
  public int retryAfterSeconds() {
    return retryAfterSeconds;
  }
}
