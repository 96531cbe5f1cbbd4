package dev.nudge.server.experiments;

import dev.nudge.settings.NudgeException;

/// No experiment or request has that name: 404 over HTTP, not retryable.
public final class NoSuchException extends NudgeException {
  private static final long serialVersionUID = 1L;

  public NoSuchException(String message) {
    super(message);
  }
}
