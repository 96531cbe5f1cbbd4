package dev.nudge.chat;

import dev.nudge.settings.InputException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Says which field of a request is not what it may be.
public final class FieldException extends InputException {
  private static final long serialVersionUID = 1L;
  private static final int LONGEST_SHOWN = 80;
  private static final Pattern FLAG = Pattern.compile("--[a-z]");
  private final String field;
  private final boolean missing;

  /// @param field its path as the request has it, such as `messages` or `arms[1].weight`
  public FieldException(String field, String message) {
    this(field, false, message);
  }

  private FieldException(String field, boolean missing, String message) {
    super(message);
    this.field = field;
    this.missing = missing;
  }

  /// A field is needed and not there.
  public static FieldException missing(String field) {
    return new FieldException(field, true, field + " is missing; it is needed");
  }

  /// The field's path.
  public String field() {
    return field;
  }

  /// Whether it is needed and not there.
  public boolean isMissing() {
    return missing;
  }

  /// A message without what it says of flags, which whoever sends a request has not.
  public static String withoutFlags(String message) {
    Matcher flag = FLAG.matcher(message);
    if (!flag.find()) {
      return message;
    }
    int clause =
        Math.max(
            message.lastIndexOf("; ", flag.start()), message.lastIndexOf(", or ", flag.start()));
    return clause < 0 ? message : message.substring(0, clause);
  }

  /// A text of a request as a message shows it: one line, not too long.
  public static String shown(String text) {
    String line = text.replaceAll("\\p{Cntrl}", " ");
    return line.length() > LONGEST_SHOWN ? line.substring(0, LONGEST_SHOWN - 3) + "..." : line;
  }
}
