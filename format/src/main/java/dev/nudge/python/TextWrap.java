package dev.nudge.python;

import dev.nudge.settings.PythonPattern;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/// Wraps lines as Python's `textwrap` does for jinja's `wordwrap`: between words, at hyphens, and
/// within words that are longer than a line.
///
/// A line is split into chunks: runs of spaces, words, and parts of words that end with a hyphen or
/// precede a dash. Chunks are added to a line while they fit; spaces at its end are dropped, and at
/// its start except in the first line. Lengths are in code points.
public final class TextWrap {
  private static final String SPACE = "[\\t\\n\\x0b\\x0c\\r ]";
  private static final String OTHER = "[^\\t\\n\\x0b\\x0c\\r ]";
  private static final String OF_WORD = "[\\w!\"'&.,?]";
  private static final String LETTER = "[^\\d\\W]";

  private static final PythonPattern WORDS =
      PythonPattern.of("(" + SPACE + "+|" + OTHER + "+)"); // hyphens do not split words
  private static final PythonPattern PARTS =
      PythonPattern.of(
          "(S+|(?<=P)-{2,}(?=\\w)|N+?(?:-(?:(?<=L{2}-)|(?<=L-P-))(?=L-?L)|(?=S|\\Z)|(?<=P)(?=-{2,}\\w)))"
              .replace("S", SPACE)
              .replace("N", OTHER)
              .replace("P", OF_WORD)
              .replace("L", LETTER));

  private final int width;
  private final boolean breaksWords;
  private final boolean atHyphens;

  /// @param width in code points
  public TextWrap(int width, boolean breaksWords, boolean atHyphens) {
    if (width <= 0) {
      throw new ValueError("wordwrap to a width of " + width + "; it must be above 0");
    }
    this.width = width;
    this.breaksWords = breaksWords;
    this.atHyphens = atHyphens;
  }

  /// Wraps one line; an empty line becomes no lines.
  public List<String> lines(String line) {
    Deque<String> left = new ArrayDeque<>();
    (atHyphens ? PARTS : WORDS).findAll(line).forEach(found -> left.add(found.getFirst()));
    List<String> lines = new ArrayList<>();
    while (!left.isEmpty()) {
      if (!lines.isEmpty() && isBlank(left.getFirst())) {
        left.removeFirst();
      }
      List<String> own = new ArrayList<>();
      int length = 0;
      while (!left.isEmpty() && length + length(left.getFirst()) <= width) {
        length += length(left.getFirst());
        own.add(left.removeFirst());
      }
      if (!left.isEmpty() && length(left.getFirst()) > width) {
        tooLong(left, own, width - length);
      }
      if (!own.isEmpty() && isBlank(own.getLast())) {
        own.removeLast();
      }
      if (!own.isEmpty()) {
        lines.add(String.join("", own));
      }
    }
    return lines;
  }

  /// Moves as much of a long word as fits, possibly nothing, to a line.
  private void tooLong(Deque<String> left, List<String> own, int room) {
    if (!breaksWords) {
      if (own.isEmpty()) {
        own.add(left.removeFirst());
      }
      return;
    }
    String word = left.removeFirst();
    int end = word.offsetByCodePoints(0, room);
    int hyphen = word.lastIndexOf('-', end - 1);
    if (atHyphens && hyphen > 0 && !word.substring(0, hyphen).matches("-*")) {
      end = hyphen + 1;
    }
    own.add(word.substring(0, end));
    left.addFirst(word.substring(end));
  }

  private static boolean isBlank(String chunk) {
    return PythonText.strip(chunk).isEmpty();
  }

  private static int length(String chunk) {
    return chunk.codePointCount(0, chunk.length());
  }
}
