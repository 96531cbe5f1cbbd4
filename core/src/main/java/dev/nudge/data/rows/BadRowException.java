package dev.nudge.data.rows;

/// Says why a row cannot be used; becomes a [BadRow] once the row's place is known.
public final class BadRowException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String kind;

  public BadRowException(String reason) {
    this(reason, reason);
  }

  /// @param kind what other rows with this mistake have in common with it
  public BadRowException(String reason, String kind) {
    super(oneLine(reason), null, false, false);
    this.kind = oneLine(kind);
  }

  private static String oneLine(String text) {
    return text.strip().replaceAll("\\s*\\R\\s*", " ");
  }

  public String reason() {
    return String.valueOf(getMessage());
  }

  String kind() {
    return kind;
  }
}
