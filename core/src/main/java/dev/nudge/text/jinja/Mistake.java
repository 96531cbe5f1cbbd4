package dev.nudge.text.jinja;

import dev.nudge.python.ValueError;

/// Carries what is wrong to [Template], which knows the line, as a [ValueError] of Python does.
final class Mistake extends ValueError {
  private static final long serialVersionUID = 1L;

  Mistake(String message) {
    super(message);
  }

  static Mistake missing(Undefined value) {
    return new Mistake(value.why());
  }
}
