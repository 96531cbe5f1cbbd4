package dev.nudge.eval.report;

import java.util.Locale;

/// Formats numbers for a report.
final class Shown {
  /// The placeholder of a missing number.
  static final String NONE = "–";

  private static final double NOISE = 1e-12; // rounding differences of sums

  private Shown() {}

  /// Four decimals, or three significant digits for very small and large numbers.
  static String number(double value) {
    if (!Double.isFinite(value)) {
      return NONE;
    }
    double size = Math.abs(value);
    boolean none = size < NOISE;
    return none || size >= 0.00005 && size < 100_000
        ? String.format(Locale.ROOT, "%.4f", none ? 0.0 : value).replace('-', '−')
        : String.format(Locale.ROOT, "%.2e", value).replace('-', '−');
  }

  /// Formats a number with its sign.
  static String signed(double value) {
    return value >= NOISE && Double.isFinite(value) ? "+" + number(value) : number(value);
  }

  /// Returns the number of documents, and of clusters if they are correlated.
  static String units(int number, int clusters) {
    return clusters == 0
        ? count(number)
        : "%s in %s clusters".formatted(count(number), count(clusters));
  }

  static String interval(double low, double high) {
    return Double.isFinite(low) && Double.isFinite(high)
        ? signed(low) + " to " + signed(high)
        : NONE;
  }

  /// Formats an interval of a value, not of a difference.
  static String range(double low, double high) {
    return Double.isFinite(low) && Double.isFinite(high)
        ? number(low) + " to " + number(high)
        : NONE;
  }

  static String p(double p) {
    return !Double.isFinite(p)
        ? NONE
        : p < 0.0001 ? "< 0.0001" : String.format(Locale.ROOT, "%.4f", p);
  }

  static String percent(double share) {
    return Double.isFinite(share) ? String.format(Locale.ROOT, "%.1f %%", 100 * share) : NONE;
  }

  static String count(long n) {
    return String.format(Locale.ROOT, "%,d", n);
  }

  static String documents(long n) {
    return n == 1 ? "1 document" : count(n) + " documents";
  }

  /// Truncates a text to `most` characters and says how much is missing.
  static String cut(String text, int most) {
    if (text.length() <= most) {
      return text;
    }
    int end = Character.isHighSurrogate(text.charAt(most - 1)) ? most - 1 : most;
    return text.substring(0, end) + "\n… " + count((long) text.length() - end) + " characters more";
  }
}
