package dev.nudge.chat;

import dev.nudge.settings.InputException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Says which field of a request is missing or has a wrong value.
public final class FieldException extends InputException {
  private static final long serialVersionUID = 1L;
  private static final int LONGEST_SHOWN = 80;
  private static final Pattern FLAG = Pattern.compile("--[a-z]");
  private final String field;
  private final boolean missing;

  /// @param field path of the field in the request, such as `messages` or `arms[1].weight`
  public FieldException(String field, String message) {
    this(field, false, message);
  }

  private FieldException(String field, boolean missing, String message) {
    super(message);
    this.field = field;
    this.missing = missing;
  }

  /// Makes the exception for a required field that is missing.
  public static FieldException missing(String field) {
    return new FieldException(field, true, field + " is missing; it is needed");
  }

  /// The field's path.
  public String field() {
    return field;
  }

  /// Whether the field is required and missing.
  public boolean isMissing() {
    return missing;
  }

  /// Cuts a message's advice on command-line flags, which a client of the server cannot set.
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

  /// Shortens a text of a request to one line for a message.
  public static String shown(String text) {
    String line = text.replaceAll("\\p{Cntrl}", " ");
    return line.length() > LONGEST_SHOWN ? line.substring(0, LONGEST_SHOWN - 3) + "..." : line;
  }
}
