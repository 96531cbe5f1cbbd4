package dev.nudge.text;

/// Converts offsets in code points to offsets in UTF-16 units, which Java's strings use.
final class CodePoints {
  private final int[] indices; // empty: both offsets are equal

  private CodePoints(int[] indices) {
    this.indices = indices;
  }

  static CodePoints of(String text) {
    int count = text.codePointCount(0, text.length());
    int[] indices = new int[count == text.length() ? 0 : count + 1];
    for (int point = 1, index = 0; point < indices.length; point++) {
      index = text.offsetByCodePoints(index, 1);
      indices[point] = index;
    }
    return new CodePoints(indices);
  }

  /// Returns the UTF-16 index at which a code point begins.
  int index(int point) {
    return indices.length == 0 ? point : indices[point];
  }
}
