package dev.nudge.settings;

/// Says that a run ended by its own numbers, as it would each time: its loss diverged, or no step
/// could be trained.
public final class DivergedException extends RunException {
  private static final long serialVersionUID = 1L;

  public DivergedException(String message) {
    super(message);
  }
}
