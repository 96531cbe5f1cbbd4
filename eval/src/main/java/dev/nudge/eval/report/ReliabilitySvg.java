package dev.nudge.eval.report;

import dev.nudge.eval.metric.Calibration.Bin;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Draws a reliability diagram: accuracy against confidence, the dashed line being perfect
/// calibration. A circle is a bin, larger with more documents; hollow circles are the model
/// before, filled ones the model after.
final class ReliabilitySvg {
  private static final int SIZE = 340;
  private static final int LEFT = 60;
  private static final int TOP = 10;
  private static final int BOTTOM = 40;
  private static final int PLOT = SIZE - LEFT - 14;

  private ReliabilitySvg() {}

  /// Draws the diagram.
  ///
  /// @param before reliability of the earlier model; null: none
  static void of(Markup html, @Nullable Reliability before, Reliability after, String label) {
    int height = TOP + PLOT + BOTTOM;
    html.svg(SIZE, height, label);
    for (int i = 0; i <= 4; i++) {
      double share = i / 4.0;
      String said = String.format(Locale.ROOT, "%.2f", share);
      html.line("grid", x(share), y(0), x(share), y(1));
      html.line("grid", x(0), y(share), x(1), y(share));
      html.label(said, x(share), TOP + PLOT + 16, "middle");
      html.label(said, LEFT - 7, number(at(share) + 4), "end");
    }
    html.line("zero", x(0), y(0), x(1), y(1));
    html.label("confidence", x(0.5), TOP + PLOT + 34, "middle");
    String turned = "translate(14 %s) rotate(-90)".formatted(y(0.5));
    html.element(
        "text", "share right", "class", "soft", "transform", turned, "text-anchor", "middle");
    if (before != null) {
      bins(html, before, "before");
    }
    bins(html, after, "after");
    html.close("svg");
  }

  private static void bins(Markup html, Reliability reliability, String kind) {
    List<Bin> bins = reliability.bins().stream().filter(bin -> bin.items() > 0).toList();
    StringBuilder way = new StringBuilder();
    for (Bin bin : bins) {
      way.append(way.isEmpty() ? "M" : " L");
      way.append(x(bin.confidence())).append(' ').append(y(bin.accuracy()));
    }
    html.element("path", "", "class", "join " + kind, "style", "fill: none", "d", way);
    for (Bin bin : bins) {
      String radius = number(3 + 7 * Math.sqrt(bin.items() / (double) reliability.documents()));
      String x = x(bin.confidence());
      html.open("circle", "class", "mark " + kind, "cx", x, "cy", y(bin.accuracy()), "r", radius);
      String said =
          String.format(
              Locale.ROOT,
              "%s: %s, confidence %.3f, right %.3f",
              kind,
              Shown.documents(bin.items()),
              bin.confidence(),
              bin.accuracy());
      html.element("title", said).close("circle");
    }
  }

  private static double at(double share) {
    return TOP + (1 - share) * PLOT;
  }

  private static String x(double share) {
    return number(LEFT + share * PLOT);
  }

  private static String y(double share) {
    return number(at(share));
  }

  private static String number(double value) {
    return ForestSvg.number(value);
  }
}
