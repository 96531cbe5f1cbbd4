package dev.nudge.eval.leak;

import dev.nudge.text.quality.Mix;
import java.lang.Character.UnicodeScript;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.Locale;

/// Tokenizes a text to word ids: runs of letters and digits, lower-cased, NFKC. Scripts without
/// spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) have one word per
/// character.
///
/// Other signs are dropped, except arithmetic signs between two numbers, each a word: 7 + 2 is
/// another question than 7 - 2.
final class WordIds {
  private WordIds() {}

  static int[] of(String text) {
    String plain = Normalizer.normalize(text, Normalizer.Form.NFKC).toLowerCase(Locale.ROOT);
    int[] words = new int[plain.length() + 1];
    int count = 0;
    int start = 0;
    int at = 0;
    while (at <= plain.length()) {
      int c = at < plain.length() ? plain.codePointAt(at) : ' ';
      boolean single = isAlone(c);
      if (single || !isPart(c)) {
        if (at > start) {
          words[count++] = number(plain, start, at);
        }
        start = at + Character.charCount(c);
        int sign = single ? 0 : sign(c);
        if (single) {
          words[count++] = number(plain, at, start);
        } else if (sign != 0 && isOfNumber(plain, at, -1) && isOfNumber(plain, at, 1)) {
          words[count++] = (int) Mix.of(sign);
        }
      }
      at += Character.charCount(c);
    }
    return Arrays.copyOf(words, count);
  }

  private static int number(String text, int start, int end) {
    return (int) Mix.of(text.subSequence(start, end));
  }

  /// Returns the arithmetic sign that a character denotes, in any Unicode form; 0 if none.
  private static int sign(int c) {
    return switch (c) {
      case '+', '-', '*', '/', '^', '<', '>', '=' -> c;
      case '\u2212', '\u2013' -> '-'; // minus, and an en dash used as minus
      case '\u00d7', '\u00b7' -> '*';
      case '\u00f7' -> '/';
      default -> 0;
    };
  }

  /// Whether the next non-blank character is part of a number, or a bracket around one.
  private static boolean isOfNumber(String text, int at, int step) {
    int next = at + step;
    while (next >= 0 && next < text.length() && Character.isWhitespace(text.charAt(next))) {
      next += step;
    }
    if (next < 0 || next >= text.length()) {
      return false;
    }
    char c = text.charAt(next);
    return Character.isDigit(c) || c == (step < 0 ? ')' : '(');
  }

  private static boolean isPart(int c) {
    return c < 128
        ? (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
        : Character.isLetterOrDigit(c)
            || Character.getType(c) == Character.NON_SPACING_MARK
            || Character.getType(c) == Character.COMBINING_SPACING_MARK;
  }

  private static boolean isAlone(int c) {
    if (c < 0xe00 || !isPart(c)) { // Thai is the first of these scripts
      return false;
    }
    return switch (UnicodeScript.of(c)) {
      case HAN, HIRAGANA, KATAKANA, THAI, LAO, KHMER, MYANMAR -> true;
      default -> false;
    };
  }
}
