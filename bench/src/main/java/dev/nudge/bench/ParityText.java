package dev.nudge.bench;

import dev.nudge.eval.Interval;
import dev.nudge.eval.NonInferiority;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// Says numbers of the parity study in words.
final class ParityText {
  private ParityText() {}

  static String word(NonInferiority.Verdict verdict) {
    return switch (verdict) {
      case HOLDS -> "yes";
      case FAILS -> "no";
      case OPEN -> "unknown";
    };
  }

  /// A difference of shares in points, with its sign.
  static String points(double difference) {
    return signed(100 * difference, 1);
  }

  /// The margin in points.
  static String margin() {
    return number(100 * ParityComparison.MARGIN);
  }

  static String interval(Interval interval) {
    return points(interval.low()) + " to " + points(interval.high());
  }

  /// A difference of something else.
  static String signed(double value, int digits) {
    String text = String.format(Locale.ROOT, "%." + digits + "f", Math.abs(value));
    boolean zero = text.chars().allMatch(c -> c == '0' || c == '.');
    return (zero ? "" : value < 0 ? "−" : "+") + text;
  }

  static String number(double value) {
    return value == Math.rint(value) ? whole(value) : String.format(Locale.ROOT, "%.1f", value);
  }

  static String whole(double value) {
    return String.format(Locale.ROOT, "%,d", Math.round(value));
  }

  /// A share in percent.
  static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f", 100 * share);
  }

  static String row(List<String> cells) {
    return cells.stream().collect(Collectors.joining(" | ", "| ", " |\n"));
  }

  /// A table; nothing where it has no rows.
  static String table(List<String> heads, List<List<String>> rows) {
    return table("", heads, rows);
  }

  /// A table behind a text.
  static String table(String before, List<String> heads, List<List<String>> rows) {
    if (rows.isEmpty()) {
      return "";
    }
    StringBuilder text =
        new StringBuilder(before)
            .append(row(heads))
            .append("|---".repeat(heads.size()))
            .append("|\n");
    rows.forEach(r -> text.append(row(r)));
    return text.toString();
  }
}
