package dev.nudge.text.jinja;

import dev.nudge.settings.NudgeException;

/// Says in one line what is wrong in a template or its rendering, and on which line.
public final class TemplateException extends NudgeException {
  private static final long serialVersionUID = 1L;

  TemplateException(String place, int line, String what) {
    super(place + ", line " + line + ": " + what);
  }
}
