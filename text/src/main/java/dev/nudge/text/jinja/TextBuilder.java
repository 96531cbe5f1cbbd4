package dev.nudge.text.jinja;

import java.util.Arrays;

/// Appends texts to each other and keeps the origin of each character.
final class TextBuilder {
  private final StringBuilder chars = new StringBuilder();
  private int[] ends = new int[8];
  private long[] origins = new long[8];
  private int runs;

  TextBuilder add(Text text) {
    int before = chars.length();
    chars.append(text.chars());
    for (int i = 0; i < text.runs(); i++) {
      run(before + text.end(i), text.origin(i));
    }
    return this;
  }

  TextBuilder add(String text, long origin) {
    chars.append(text);
    run(chars.length(), origin);
    return this;
  }

  TextBuilder add(char c, long origin) {
    chars.append(c);
    run(chars.length(), origin);
    return this;
  }

  TextBuilder add(int codePoint, long origin) {
    chars.appendCodePoint(codePoint);
    run(chars.length(), origin);
    return this;
  }

  /// Adds the output of a `{% generation %}` block.
  void addWithin(Text text, int block) {
    int before = chars.length();
    chars.append(text.chars());
    for (int i = 0; i < text.runs(); i++) {
      run(before + text.end(i), Origin.within(text.origin(i), block));
    }
  }

  private void run(int end, long origin) {
    int last = runs == 0 ? 0 : ends[runs - 1];
    if (end == last) {
      return;
    }
    if (runs > 0 && origins[runs - 1] == origin) {
      ends[runs - 1] = end;
      return;
    }
    if (runs == ends.length) {
      ends = Arrays.copyOf(ends, 2 * runs);
      origins = Arrays.copyOf(origins, 2 * runs);
    }
    ends[runs] = end;
    origins[runs++] = origin;
  }

  int length() {
    return chars.length();
  }

  Text text() {
    return runs == 0
        ? Text.EMPTY
        : new Text(chars.toString(), Arrays.copyOf(ends, runs), Arrays.copyOf(origins, runs));
  }
}
