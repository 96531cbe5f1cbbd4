package dev.nudge.text.jinja;

import dev.nudge.settings.NudgeException;

/// Says in one line what a template or a use of it does wrong, and where in the template.
public final class TemplateException extends NudgeException {
  private static final long serialVersionUID = 1L;

  private final int line;

  TemplateException(String place, int line, String what) {
    super(place + ", line " + line + ": " + what);
    this.line = line;
  }

  /// Returns the line of the template, from 1.
  public int line() {
    return line;
  }
}
