package dev.nudge.eval.report;

import java.util.List;
import java.util.Locale;

/// Draws a forest plot: gains with their intervals on one axis, a filled square if a difference is
/// shown ([ResultRow#meaning]), a hollow one if not. Right is better, for every metric.
final class ForestSvg {
  private static final int WIDTH = 900;
  private static final int LEFT = 260;
  private static final int RIGHT = 230;
  private static final int LINE = 26;
  private static final int TOP = 12;
  private static final int LONGEST = 34; // characters of a name
  private static final double LARGE = 10_000; // from here on, steps have an exponent

  private ForestSvg() {}

  /// Draws the plot.
  ///
  /// @param rows rows whose intervals have finite ends
  /// @param label text alternative of the drawing
  static void of(Markup html, List<ResultRow> rows, String label) {
    double most = 0;
    for (ResultRow row : rows) {
      most = Math.max(most, Math.max(Math.abs(row.gainLow()), Math.abs(row.gainHigh())));
    }
    double step = step(most == 0 ? 0.01 : most);
    double end = Math.ceil((most == 0 ? 0.01 : most) / step - 1e-9) * step;
    int height = TOP + LINE * rows.size() + 44;
    html.svg(WIDTH, height, label);
    int bottom = TOP + LINE * rows.size();
    int digits = (int) Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
    String form = step >= LARGE || digits > 4 ? "%+.0e" : "%+." + digits + "f";
    for (double at = -end; at <= end + step / 2; at += step) {
      boolean zero = Math.abs(at) < step / 2;
      html.line(zero ? "zero" : "grid", x(at, end), TOP, x(at, end), bottom);
      String tick = zero ? "0" : String.format(Locale.ROOT, form, at).replace('-', '−');
      html.label(tick, x(at, end), bottom + 18, "middle");
    }
    html.label("← worse", LEFT, bottom + 38, "start");
    html.label("better →", WIDTH - RIGHT, bottom + 38, "end");
    for (int i = 0; i < rows.size(); i++) {
      row(html, rows.get(i), end, TOP + LINE * i + LINE / 2);
    }
    html.close("svg");
  }

  private static void row(Markup html, ResultRow row, double end, int y) {
    String kind = row.meaning().name().toLowerCase(Locale.ROOT);
    String name = row.task() + " " + row.metricShown();
    String cut = name.length() > LONGEST ? name.substring(0, LONGEST - 1) + "…" : name;
    html.open("text", "x", LEFT - 12, "y", y + 4, "text-anchor", "end")
        .text(cut)
        .element("title", name)
        .close("text");
    html.line("bar " + kind, x(row.gainLow(), end), y, x(row.gainHigh(), end), y);
    String x = number(at(row.gain(), end) - 4.5);
    html.element(
        "rect", "", "class", "mark " + kind, "x", x, "y", y - 4.5, "width", 9, "height", 9);
    String gain = Shown.signed(row.gain());
    String interval = Shown.interval(row.gainLow(), row.gainHigh());
    String said = "%s %s (%s)".formatted(row.meaning().sign(), gain, interval);
    html.element("text", said, "class", "soft", "x", WIDTH - RIGHT + 12, "y", y + 4);
  }

  /// Returns the tick step: 1, 2 or 5 times a power of ten, two to five ticks per side.
  private static double step(double most) {
    double power = Math.pow(10, Math.floor(Math.log10(most)));
    double leading = most / power;
    return power * (leading <= 1 ? 0.5 : leading <= 2 ? 1 : leading <= 5 ? 2 : 5);
  }

  private static double at(double value, double end) {
    return LEFT + (value + end) / (2 * end) * (WIDTH - LEFT - RIGHT);
  }

  private static String x(double value, double end) {
    return number(at(value, end));
  }

  static String number(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }
}
