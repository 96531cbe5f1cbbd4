package dev.nudge.server.experiments;

import dev.nudge.settings.NudgeException;

/// Something was named that is not there: 404 over HTTP, and nothing to try again.
public final class NoSuchException extends NudgeException {
  private static final long serialVersionUID = 1L;

  public NoSuchException(String message) {
    super(message);
  }
}
