package dev.nudge.text.jinja;

import dev.nudge.python.ValueError;

/// An error in a template's use of values, which [Template] reports with the line; a [ValueError].
final class Mistake extends ValueError {
  private static final long serialVersionUID = 1L;

  Mistake(String message) {
    super(message);
  }

  static Mistake missing(Undefined value) {
    return new Mistake(value.why());
  }
}
