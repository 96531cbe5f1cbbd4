package dev.nudge.text.jinja;

/// Carries what is wrong to [Template], which knows the line.
final class Mistake extends RuntimeException {
  private static final long serialVersionUID = 1L;

  Mistake(String message) {
    super(message, null, false, false);
  }

  static Mistake missing(Undefined value) {
    return new Mistake(value.why());
  }
}
