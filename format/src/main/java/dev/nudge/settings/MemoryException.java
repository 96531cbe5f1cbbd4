package dev.nudge.settings;

/// Says that a run needs more memory than it may use, which may be free later.
public final class MemoryException extends InputException {
  private static final long serialVersionUID = 1L;

  public MemoryException(String message) {
    super(message);
  }
}
