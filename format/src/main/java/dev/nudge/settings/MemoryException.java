package dev.nudge.settings;

/// Thrown if a run needs more memory than is free now; a retry may succeed.
public final class MemoryException extends InputException {
  private static final long serialVersionUID = 1L;

  public MemoryException(String message) {
    super(message);
  }
}
