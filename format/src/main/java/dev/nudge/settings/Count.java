package dev.nudge.settings;

import java.util.Locale;

/// Formats a number with its noun: `1 row`, `1,200 rows`.
public final class Count {
  private Count() {}

  /// Formats a number and its noun, whose plural ends in s.
  public static String of(long number, String noun) {
    return String.format(Locale.ROOT, "%,d %s%s", number, noun, number == 1 ? "" : "s");
  }

  /// Formats a number, its noun and its verb: `1 row is`, `2 rows are`.
  public static String of(long number, String noun, String one, String many) {
    return of(number, noun) + " " + (number == 1 ? one : many);
  }
}
