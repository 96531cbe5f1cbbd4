package dev.nudge.settings;

/// Thrown if a run fails reproducibly: its loss diverged, or no step could be trained.
public final class DivergedException extends RunException {
  private static final long serialVersionUID = 1L;

  public DivergedException(String message) {
    super(message);
  }
}
