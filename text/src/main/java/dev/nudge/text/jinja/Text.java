package dev.nudge.text.jinja;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// A string whose characters know their [Origin].
///
/// Origins are stored as runs: `origins[k]` applies up to the character `ends[k]`. Texts are equal
/// if their characters are. Python counts code points, Java UTF-16 units; [#at] converts indexes.
public final class Text implements Value {
  static final Text EMPTY = Text.of("");

  private final String chars;
  private final int[] ends;
  private final long[] origins;
  private int codePoints = -1;

  Text(String chars, int[] ends, long[] origins) {
    this.chars = chars;
    this.ends = ends;
    this.origins = origins;
  }

  /// Makes a text that the template wrote.
  public static Text of(String chars) {
    return of(chars, Origin.TEMPLATE);
  }

  /// Makes a text of one origin.
  public static Text of(String chars, long origin) {
    return new Text(chars, new int[] {chars.length()}, new long[] {origin});
  }

  /// Returns the characters.
  public String chars() {
    return chars;
  }

  /// Returns the number of runs, at least one.
  public int runs() {
    return ends.length;
  }

  /// Returns where a run ends.
  public int end(int run) {
    return ends[run];
  }

  /// Returns the origin of a run.
  public long origin(int run) {
    return origins[run];
  }

  /// Returns the origin of the first character.
  long origin() {
    return origins[0];
  }

  /// Returns the number of code points: Python's `len`.
  int length() {
    if (codePoints < 0) {
      codePoints = chars.codePointCount(0, chars.length());
    }
    return codePoints;
  }

  /// Returns the UTF-16 index at which a code point begins.
  int at(int codePoint) {
    return length() == chars.length() ? codePoint : chars.offsetByCodePoints(0, codePoint);
  }

  /// Returns the code point index of a UTF-16 index.
  int codePoint(int at) {
    return length() == chars.length() ? at : chars.codePointCount(0, at);
  }

  Text sub(int from, int to) {
    if (from == 0 && to == chars.length()) {
      return this;
    }
    if (from >= to) {
      return EMPTY;
    }
    String part = chars.substring(from, to);
    int first = run(from);
    int last = run(to - 1);
    int[] cut = new int[last - first + 1];
    for (int i = first; i <= last; i++) {
      cut[i - first] = Math.min(ends[i], to) - from;
    }
    return new Text(part, cut, Arrays.copyOfRange(origins, first, last + 1));
  }

  /// Replaces the characters by as many others and keeps the origins.
  Text with(String others) {
    return new Text(others, ends, origins);
  }

  /// Returns the run that contains a character.
  private int run(int at) {
    int found = Arrays.binarySearch(ends, at + 1);
    return found >= 0 ? found : -found - 1;
  }

  long originAt(int at) {
    return ends.length == 1 ? origins[0] : origins[run(at)];
  }

  boolean isEmpty() {
    return chars.isEmpty();
  }

  @Override
  public String type() {
    return "str";
  }

  @Override
  public boolean isTrue() {
    return !chars.isEmpty();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Text text && chars.equals(text.chars);
  }

  @Override
  public int hashCode() {
    return chars.hashCode();
  }

  @Override
  public String toString() {
    return chars;
  }
}
