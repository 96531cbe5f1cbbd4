package dev.nudge.collective;

import dev.nudge.settings.RunException;

/// Says that another rank is gone or silent; why, that rank knows.
public final class LostRankException extends RunException {
  private static final long serialVersionUID = 1L;

  LostRankException(String message, Throwable cause) {
    super(message, cause);
  }
}
