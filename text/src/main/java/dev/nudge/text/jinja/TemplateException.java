package dev.nudge.text.jinja;

import dev.nudge.settings.NudgeException;

/// Reports in one line an error in a template or its rendering, with its line number.
public final class TemplateException extends NudgeException {
  private static final long serialVersionUID = 1L;

  TemplateException(String place, int line, String what) {
    super(place + ", line " + line + ": " + what);
  }
}
