package dev.nudge.python;

/// Says that a value is one that Python refuses, as its own `ValueError` does.
public class ValueError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ValueError(String message) {
    super(message, null, false, false);
  }
}
