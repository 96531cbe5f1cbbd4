package dev.nudge.server.experiments;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Locale;

/// A figure of a report with its name and unit, so that command and web page show it equally.
///
/// @param name name with the statistic, such as `time to first token, p50`
record Figure(String name, Unit unit) {
  private static final MathContext DIGITS = new MathContext(3);
  private static final double WHOLE = 1000; // from here on no fraction is shown
  private static final double TINY = 1e-4; // below, an exponent is shown

  /// The unit of a figure.
  enum Unit {
    /// Dimensionless.
    NONE(1, ""),
    /// Percent; the value is multiplied by 100.
    PERCENT(100, "%"),
    /// Seconds.
    SECONDS(1, "s");

    private final double times;
    private final String word;

    Unit(double times, String word) {
      this.times = times;
      this.word = word;
    }

    /// Returns the unit for users; may be empty.
    String word() {
      return word;
    }
  }

  /// Formats three significant digits and the unit; `-` if unknown.
  String text(double value) {
    if (!Double.isFinite(value)) {
      return "-";
    }
    String number = number(value * unit.times);
    return unit.word.isEmpty() ? number : number + " " + unit.word;
  }

  /// Formats three significant digits: 12,345, 12.3, 0.0123, 3.9e-143.
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
