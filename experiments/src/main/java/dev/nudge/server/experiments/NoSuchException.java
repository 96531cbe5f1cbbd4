package dev.nudge.server.experiments;

import dev.nudge.settings.NudgeException;

/// Thrown if no experiment or request has the name: 404 over HTTP, not retryable.
public final class NoSuchException extends NudgeException {
  private static final long serialVersionUID = 1L;

  public NoSuchException(String message) {
    super(message);
  }
}
