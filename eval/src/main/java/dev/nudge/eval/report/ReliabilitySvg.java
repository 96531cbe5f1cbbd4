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
  /// @param before null: no model before
  static void of(Markup html, @Nullable Reliability before, Reliability after, String label) {
    int height = TOP + PLOT + BOTTOM;
    html.open(
        "svg",
        "viewBox",
        "0 0 %s %s".formatted(SIZE, height),
        "width",
        SIZE,
        "height",
        height,
        "role",
        "img",
        "aria-label",
        label);
    html.element("title", label);
    for (int i = 0; i <= 4; i++) {
      double share = i / 4.0;
      String said = String.format(Locale.ROOT, "%.2f", share);
      line(html, "grid", x(share), y(0), x(share), y(1));
      line(html, "grid", x(0), y(share), x(1), y(share));
      html.element(
          "text",
          said,
          "class",
          "soft",
          "x",
          x(share),
          "y",
          TOP + PLOT + 16,
          "text-anchor",
          "middle");
      html.element(
          "text",
          said,
          "class",
          "soft",
          "x",
          LEFT - 7,
          "y",
          number(at(share) + 4),
          "text-anchor",
          "end");
    }
    line(html, "zero", x(0), y(0), x(1), y(1));
    html.element(
        "text",
        "confidence",
        "class",
        "soft",
        "x",
        x(0.5),
        "y",
        TOP + PLOT + 34,
        "text-anchor",
        "middle");
    html.element(
        "text",
        "share right",
        "class",
        "soft",
        "transform",
        "translate(14 %s) rotate(-90)".formatted(y(0.5)),
        "text-anchor",
        "middle");
    if (before != null) {
      bins(html, before, "before");
    }
    bins(html, after, "after");
    html.close("svg");
  }

  private static void bins(Markup html, Reliability of, String kind) {
    List<Bin> bins = of.bins().stream().filter(bin -> bin.items() > 0).toList();
    StringBuilder way = new StringBuilder();
    for (Bin bin : bins) {
      way.append(way.isEmpty() ? "M" : " L");
      way.append(x(bin.confidence())).append(' ').append(y(bin.accuracy()));
    }
    html.element("path", "", "class", "join " + kind, "style", "fill: none", "d", way);
    for (Bin bin : bins) {
      double radius = 3 + 7 * Math.sqrt(bin.items() / (double) of.documents());
      html.open(
              "circle",
              "class",
              "mark " + kind,
              "cx",
              x(bin.confidence()),
              "cy",
              y(bin.accuracy()),
              "r",
              number(radius))
          .element(
              "title",
              String.format(
                  Locale.ROOT,
                  "%s: %s, confidence %.3f, right %.3f",
                  kind,
                  Shown.documents(bin.items()),
                  bin.confidence(),
                  bin.accuracy()))
          .close("circle");
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

  private static void line(Markup html, String of, String x1, String y1, String x2, String y2) {
    html.element("line", "", "class", of, "x1", x1, "y1", y1, "x2", x2, "y2", y2);
  }
}
