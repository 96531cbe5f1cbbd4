package dev.nudge.server.experiments;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Locale;

/// A number of a report: the field's name for it, and how it is written. The command and the page
/// both show what is written here, so one figure has one name, unit and value in both.
///
/// @param name with the statistic, such as `time to first token, p50`
record Figure(String name, Unit unit) {
  private static final MathContext DIGITS = new MathContext(3);
  private static final double WHOLE = 1000; // from here on without a fraction
  private static final double TINY = 1e-4; // below, with an exponent

  /// What a number is told in.
  enum Unit {
    /// Nothing.
    NONE(1, ""),
    /// A share is told as a hundred times as much.
    PERCENT(100, "%"),
    /// Times.
    SECONDS(1, "s");

    private final double times;
    private final String word;

    Unit(double times, String word) {
      this.times = times;
      this.word = word;
    }

    /// As users read it; empty: none.
    String word() {
      return word;
    }
  }

  /// Three digits and the unit; `-` where the number is not known.
  String text(double value) {
    if (!Double.isFinite(value)) {
      return "-";
    }
    String number = number(value * unit.times);
    return unit.word.isEmpty() ? number : number + " " + unit.word;
  }

  /// Three digits: 12,345, 12.3, 0.0123, 3.9e-143.
  static String number(double value) {
    double size = Math.abs(value);
    if (size >= WHOLE) {
      return String.format(Locale.ROOT, "%,d", Math.round(value));
    }
    return size > 0 && size < TINY
        ? String.format(Locale.ROOT, "%.1e", value)
        : new BigDecimal(value).round(DIGITS).stripTrailingZeros().toPlainString();
  }
}
