package dev.nudge.settings;

import java.util.List;

/// Thrown if settings or input are wrong, before anything was started or written: exit code 2.
public class InputException extends NudgeException {
  private static final long serialVersionUID = 1L;

  public InputException(String message) {
    super(message);
  }

  public InputException(String message, Throwable cause) {
    super(message, cause);
  }

  /// @param details lines under the message, such as the bad rows of a data set
  public InputException(String message, List<String> details) {
    super(message, details);
  }
}
