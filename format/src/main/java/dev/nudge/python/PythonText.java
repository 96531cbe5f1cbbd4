package dev.nudge.python;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/// Implements Python's `str` methods and `re` classes: by code points, with Python's own
/// definitions of whitespace and word characters.
///
/// Whitespace is what `str.isspace` accepts: Java's whitespace, no-break spaces, the four
/// separators U+001C to U+001F, and U+0085. A word character is a letter, a number of any kind or
/// `_`, but not a combining mark, unlike Java's `\w`.
public final class PythonText {
  /// `string.punctuation`.
  public static final String PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

  /// `\w` of `re`.
  public static final String WORD = "[\\p{L}\\p{N}_]";

  /// `\b` of `re`.
  public static final String EDGE =
      "(?:(?<=" + WORD + ")(?!" + WORD + ")|(?<!" + WORD + ")(?=" + WORD + "))";

  private static final char NEXT_LINE = 0x85;

  private PythonText() {}

  /// `str.isspace` of one character.
  public static boolean isSpace(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == NEXT_LINE;
  }

  /// Returns whether a character ends a line, for `str.splitlines`.
  public static boolean endsLine(int c) {
    return switch (c) {
      case '\n', '\r', '\u000B', '\f', 0x1C, 0x1D, 0x1E, NEXT_LINE, 0x2028, 0x2029 -> true;
      default -> false;
    };
  }

  /// `str.split()`: splits at whitespace.
  public static List<String> split(String text) {
    List<String> words = new ArrayList<>();
    int start = -1;
    for (int i = 0; i < text.length(); i++) {
      if (isSpace(text.charAt(i))) { // all white space is in the BMP
        if (start >= 0) {
          words.add(text.substring(start, i));
          start = -1;
        }
      } else if (start < 0) {
        start = i;
      }
    }
    if (start >= 0) {
      words.add(text.substring(start));
    }
    return words;
  }

  /// `' '.join(text.split())`.
  public static String collapsed(String text) {
    return String.join(" ", split(text));
  }

  /// `str.rstrip()`.
  public static String stripEnd(String text) {
    int end = text.length();
    while (end > 0 && isSpace(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(0, end);
  }

  /// `str.strip()`.
  public static String strip(String text) {
    int start = 0;
    while (start < text.length() && isSpace(text.charAt(start))) {
      start++;
    }
    return stripEnd(text.substring(start));
  }

  /// `str.lstrip(c)`.
  public static String stripStart(String text, char c) {
    int start = 0;
    while (start < text.length() && text.charAt(start) == c) {
      start++;
    }
    return text.substring(start);
  }

  /// `str.rstrip(c)`.
  public static String stripEnd(String text, char c) {
    int end = text.length();
    while (end > 0 && text.charAt(end - 1) == c) {
      end--;
    }
    return text.substring(0, end);
  }

  /// `re.findall` of an expression without groups.
  public static List<String> found(Pattern pattern, String text) {
    return pattern.matcher(text).results().map(MatchResult::group).toList();
  }

  /// `str.lower()`.
  public static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  /// Removes all characters of a set from a text.
  public static String without(String text, String characters) {
    StringBuilder kept = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      if (characters.indexOf(text.charAt(i)) < 0) {
        kept.append(text.charAt(i));
      }
    }
    return kept.toString();
  }

  /// `str.isupper()`: at least one cased character, all upper case.
  public static boolean isUpper(String text) {
    return text.codePoints().anyMatch(Character::isUpperCase)
        && text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
  }

  /// `str.islower()`.
  public static boolean isLower(String text) {
    return text.codePoints().anyMatch(Character::isLowerCase)
        && text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
  }
}
