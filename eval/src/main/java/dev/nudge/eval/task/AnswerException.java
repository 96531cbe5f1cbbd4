package dev.nudge.eval.task;

import dev.nudge.settings.InputException;

/// Thrown if a filter cannot process an answer; other answers may be fine.
public final class AnswerException extends InputException {
  private static final long serialVersionUID = 1L;

  AnswerException(String message) {
    super(message);
  }
}
