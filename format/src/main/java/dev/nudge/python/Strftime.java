package dev.nudge.python;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/// Formats a time as Python's `strftime` does in the C locale.
public final class Strftime {
  private Strftime() {}

  /// Formats a time.
  public static String format(String pattern, LocalDateTime time) {
    StringBuilder out = new StringBuilder();
    int at = 0;
    while (at < pattern.length()) {
      char c = pattern.charAt(at++);
      if (c != '%') {
        out.append(c);
        continue;
      }
      if (at == pattern.length()) {
        throw new ValueError("'%' at the end of a time's format");
      }
      boolean bare = pattern.charAt(at) == '-' && at + 1 < pattern.length(); // without zeros
      String shown = piece(pattern.charAt(bare ? at + 1 : at), time);
      out.append(bare && shown.length() > 1 && shown.startsWith("0") ? shown.substring(1) : shown);
      at += bare ? 2 : 1;
    }
    return out.toString();
  }

  private static String piece(char code, LocalDateTime time) {
    String java =
        switch (code) {
          case 'd' -> "dd";
          case 'm' -> "MM";
          case 'Y' -> "yyyy";
          case 'y' -> "yy";
          case 'b', 'h' -> "MMM";
          case 'B' -> "MMMM";
          case 'a' -> "EEE";
          case 'A' -> "EEEE";
          case 'H' -> "HH";
          case 'I' -> "hh";
          case 'M' -> "mm";
          case 'S' -> "ss";
          case 'p' -> "a";
          case 'j' -> "DDD";
          case 'F' -> "yyyy-MM-dd";
          case 'T' -> "HH:mm:ss";
          case 'D' -> "MM/dd/yy";
          case '%' -> "'%'";
          default -> throw new ValueError("'%" + code + "' in a time's format is not known here");
        };
    return DateTimeFormatter.ofPattern(java, Locale.US).format(time);
  }
}
