package dev.nudge.text;

/// Names characters of a text: those from one place up to another.
///
/// @param start first character, as Java counts them
/// @param end behind the last one
public record TextRange(int start, int end) {

  public TextRange {
    if (start < 0 || end < start) {
      throw new IllegalArgumentException("characters " + start + " up to " + end + " are no range");
    }
  }

  /// Tells whether a range has a character of this one.
  boolean meets(int from, int to) {
    return from < end && to > start;
  }
}
