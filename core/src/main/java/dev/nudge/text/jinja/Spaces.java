package dev.nudge.text.jinja;

/// Knows what Python takes for white space, and strips it.
public final class Spaces {
  private Spaces() {}

  /// Whether a character is white space.
  public static boolean is(int c) {
    return switch (c) {
      case ' ', '\t', '\n', '\u000B', '\f', '\r', 0x1C, 0x1D, 0x1E, 0x1F, 0x85, 0xA0 -> true;
      case 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000 -> true;
      default -> c >= 0x2000 && c <= 0x200A;
    };
  }

  /// Whether a line ends there, for `splitlines`.
  static boolean endsLine(int c) {
    return switch (c) {
      case '\n', '\r', '\u000B', '\f', 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029 -> true;
      default -> false;
    };
  }

  /// A text without the white space at its end.
  public static String stripEnd(String text) {
    int end = text.length();
    while (end > 0 && is(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(0, end);
  }

  /// A text without the white space around it.
  public static String strip(String text) {
    String end = stripEnd(text);
    int from = 0;
    while (from < end.length() && is(end.charAt(from))) {
      from++;
    }
    return end.substring(from);
  }
}
