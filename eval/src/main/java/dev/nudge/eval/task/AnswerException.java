package dev.nudge.eval.task;

import dev.nudge.settings.InputException;

/// An answer that a filter can do nothing with; another answer may be well.
public final class AnswerException extends InputException {
  private static final long serialVersionUID = 1L;

  AnswerException(String message) {
    super(message);
  }
}
