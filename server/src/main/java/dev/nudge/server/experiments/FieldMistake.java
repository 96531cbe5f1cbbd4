package dev.nudge.server.experiments;

import dev.nudge.settings.InputException;

/// Says which field of a body is not what it may be.
public final class FieldMistake extends InputException {
  private static final long serialVersionUID = 1L;

  private final String field;
  private final boolean missing;

  /// @param field its path, such as `arms[1].weight`
  FieldMistake(String field, String message) {
    this(field, false, message);
  }

  private FieldMistake(String field, boolean missing, String message) {
    super(message);
    this.field = field;
    this.missing = missing;
  }

  /// The field is needed and not there.
  static FieldMistake missing(String field) {
    return new FieldMistake(field, true, field + " is missing; it is needed");
  }

  /// The field's path.
  public String field() {
    return field;
  }

  /// Whether it is needed and not there.
  public boolean isMissing() {
    return missing;
  }
}
