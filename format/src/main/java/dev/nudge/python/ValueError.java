package dev.nudge.python;

/// Thrown for a value that Python refuses with a `ValueError`.
public class ValueError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ValueError(String message) {
    super(message, null, false, false);
  }
}
