package dev.nudge.data;

/// Says why a row cannot be used, inside this package; becomes a [BadRow] with its place.
final class BadRowException extends Exception {
  private static final long serialVersionUID = 1L;

  BadRowException(String reason) {
    super(reason.strip().replaceAll("\\s*\\R\\s*", " "), null, false, false);
  }

  String reason() {
    return String.valueOf(getMessage());
  }
}
