package dev.nudge.text;

/// A range of characters of a text.
///
/// @param start first character, in UTF-16 units as Java counts
/// @param end end, exclusive
public record TextRange(int start, int end) {

  public TextRange {
    if (start < 0 || end < start) {
      throw new IllegalArgumentException("characters " + start + " up to " + end + " are no range");
    }
  }

  /// Whether a range overlaps this one.
  boolean meets(int from, int to) {
    return from < end && to > start;
  }
}
