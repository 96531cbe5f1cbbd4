package dev.nudge.settings;

import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// The root of all exceptions that a user can cause or fix.
///
/// The message is one line: what was given, what is allowed, which setting to change. If one line
/// is not enough (a list of bad rows), [#details()] holds the rest, one line each.
public class NudgeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private transient List<String> details;
  private @Nullable String reworded;

  public NudgeException(String message) {
    this(message, List.of());
  }

  public NudgeException(String message, Throwable cause) {
    super(message, cause);
    this.details = List.of();
  }

  public NudgeException(String message, List<String> details) {
    super(message);
    this.details = List.copyOf(details);
  }

  @Override
  public @Nullable String getMessage() {
    return reworded == null ? super.getMessage() : reworded;
  }

  /// Changes the text of the message and of the details.
  void reword(UnaryOperator<String> words) {
    reworded = words.apply(String.valueOf(getMessage()));
    details = details.stream().map(words).toList();
  }

  /// Returns the lines that belong under the message, in order; usually empty.
  public List<String> details() {
    return details;
  }
}
