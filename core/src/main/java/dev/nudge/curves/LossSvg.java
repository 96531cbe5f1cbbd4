package dev.nudge.curves;

import dev.nudge.curves.Curves.Point;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Draws the losses of one or several runs as a standalone SVG: no script, font or other file.
///
/// A run's training loss is a thick smoothed line ([Curves#smoothed]) over the raw losses in a
/// lighter tone; held-out losses are dots, the best one with a ring. With several runs each has a
/// colour; with more than three, raw losses are left out. Long lines are downsampled
/// ([Curves#thinned]), so 10,000 steps are some 20 kB. Colours follow the reader's light or dark
/// scheme. Equal losses give
/// equal bytes.
public final class LossSvg {
  private static final int WIDTH = 880;
  private static final int LEFT = 70;
  private static final int RIGHT = 20;
  private static final int TOP = 20;
  private static final int LEGEND = 20; // a line of it
  private static final int PLOT = 360;
  private static final int BOTTOM = 50;
  private static final int COLOURS = 8;
  private static final int RAW = 3; // runs whose raw lines are shown

  private static final String STYLE =
      """
      <style>
      text { font: 13px sans-serif; fill: #444 } .paper { fill: #fff } .grid { stroke: #e4e4e4 }
      .raw { fill: none; stroke-opacity: .4 } .smooth { fill: none; stroke-width: 2 } .best { fill: none; stroke-width: 2 }
      .c0 { stroke: #1f6fb4; color: #1f6fb4 } .c1 { stroke: #c8501e; color: #c8501e } .c2 { stroke: #2d8540; color: #2d8540 } .c3 { stroke: #8e44ad; color: #8e44ad }
      .c4 { stroke: #a0741a; color: #a0741a } .c5 { stroke: #c2185b; color: #c2185b } .c6 { stroke: #00838f; color: #00838f } .c7 { stroke: #666; color: #666 }
      .dot { fill: currentColor; stroke: none } .h0 { stroke: #c8501e; color: #c8501e }
      @media (prefers-color-scheme: dark) {
      text { fill: #ccc } .paper { fill: #16181c } .grid { stroke: #33373d }
      .c0 { stroke: #6cb2f0; color: #6cb2f0 } .c1 { stroke: #f09a6c; color: #f09a6c } .c2 { stroke: #74c98a; color: #74c98a } .c3 { stroke: #c99be0; color: #c99be0 }
      .c4 { stroke: #dcb45a; color: #dcb45a } .c5 { stroke: #f27aa6; color: #f27aa6 } .c6 { stroke: #5fc6d1; color: #5fc6d1 } .c7 { stroke: #aaa; color: #aaa }
      .h0 { stroke: #f09a6c; color: #f09a6c }
      }
      </style>
      """;

  private final StringBuilder svg = new StringBuilder();
  private final int top;
  private final @Nullable Axes frame;

  private LossSvg(List<Curves> runs, int legend) {
    this.top = TOP + LEGEND * legend;
    this.frame = Axes.of(runs, 8, 6, 0.04);
  }

  /// Draws one or several runs in one plot.
  public static String of(List<Curves> runs) {
    return new LossSvg(runs, runs.size() == 1 ? 2 : runs.size()).draw(runs);
  }

  private String draw(List<Curves> runs) {
    int height = top + PLOT + BOTTOM;
    line(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\""
            + " role=\"img\">",
        WIDTH, height, WIDTH, height);
    line("<title>%s</title>", escaped("loss of " + names(runs)));
    svg.append(STYLE);
    line("<rect class=\"paper\" width=\"%d\" height=\"%d\"/>", WIDTH, height);
    if (frame == null) {
      line("<text x=\"%d\" y=\"%d\">no loss yet: %s</text>", LEFT, top, escaped(names(runs)));
    } else {
      axes(frame);
      line(
          "<clipPath id=\"plot\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/></clipPath>",
          LEFT, top, WIDTH - LEFT - RIGHT, PLOT);
      line("<g clip-path=\"url(#plot)\">");
      for (int i = 0; i < runs.size(); i++) {
        lines(runs.get(i), i, runs.size(), frame);
      }
      line("</g>");
      for (int i = 0; i < runs.size(); i++) {
        heldOut(runs.get(i), runs.size() == 1 ? "h0" : "c" + i % COLOURS, frame);
      }
      if (runs.size() == 1) {
        legend(runs.getFirst());
      } else {
        legend(runs);
      }
    }
    line("</svg>");
    return svg.toString();
  }

  private static String names(List<Curves> runs) {
    return String.join(", ", runs.stream().map(Curves::name).toList());
  }

  private void axes(Axes f) {
    for (double tick : f.losses().ticks()) {
      String y = y(f, tick);
      line(
          "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%s\" y2=\"%s\"/><text x=\"%d\" y=\"%s\""
              + " dy=\".35em\" text-anchor=\"end\">%s</text>",
          LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y, f.losses().label(tick));
    }
    for (double tick : f.steps().ticks()) {
      String x = x(f, tick);
      line(
          "<line class=\"grid\" x1=\"%s\" x2=\"%s\" y1=\"%d\" y2=\"%d\"/><text x=\"%s\" y=\"%d\""
              + " text-anchor=\"middle\">%s</text>",
          x, x, top, top + PLOT, x, top + PLOT + 18, f.steps().label(tick));
    }
    line(
        "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">step</text>",
        (LEFT + WIDTH - RIGHT) / 2, top + PLOT + 38);
    line(
        "<text transform=\"translate(16 %d) rotate(-90)\" text-anchor=\"middle\">loss, nats a"
            + " token</text>",
        top + PLOT / 2);
  }

  private void lines(Curves run, int index, int runs, Axes f) {
    String colour = "c" + index % COLOURS;
    if (runs <= RAW) {
      polyline("raw " + colour, run.train(), f);
    }
    polyline("smooth " + colour, run.smooth(), f);
  }

  /// Draws the held-out losses; all are within the axes.
  private void heldOut(Curves run, String held, Axes f) {
    for (Point point : Curves.thinned(run.heldOut())) {
      line(
          "<circle class=\"dot %s\" cx=\"%s\" cy=\"%s\" r=\"3.5\"/>",
          held, x(f, point.step()), y(f, point.loss()));
    }
    Point best = run.best();
    if (best != null) {
      line(
          "<circle class=\"best %s\" cx=\"%s\" cy=\"%s\" r=\"7\"/>",
          held, x(f, best.step()), y(f, best.loss()));
    }
  }

  private void polyline(String classes, List<Point> points, Axes f) {
    if (points.isEmpty()) {
      return;
    }
    svg.append("<polyline class=\"").append(classes).append("\" points=\"");
    for (Point point : Curves.thinned(points)) {
      svg.append(x(f, point.step())).append(',').append(y(f, point.loss())).append(' ');
    }
    svg.setCharAt(svg.length() - 1, '"');
    svg.append("/>\n");
  }

  /// Draws the legend of a single run.
  private void legend(Curves run) {
    line("<text x=\"%d\" y=\"20\" font-weight=\"bold\">%s</text>", LEFT, escaped(cut(run.name())));
    int x = LEFT;
    if (!run.train().isEmpty()) {
      line("<line class=\"smooth c0\" x1=\"%d\" x2=\"%d\" y1=\"40\" y2=\"40\"/>", x, x + 24);
      x = said(x + 30, "train, smoothed");
      line("<line class=\"raw c0\" x1=\"%d\" x2=\"%d\" y1=\"40\" y2=\"40\"/>", x, x + 24);
      x = said(x + 30, "train, each step");
    }
    if (!run.heldOut().isEmpty()) {
      line("<circle class=\"dot h0\" cx=\"%d\" cy=\"40\" r=\"3.5\"/>", x + 8);
      x = said(x + 20, "held out");
    }
    Point best = run.best();
    if (best != null) {
      line(
          "<circle class=\"dot h0\" cx=\"%d\" cy=\"40\" r=\"3.5\"/><circle class=\"best h0\""
              + " cx=\"%d\" cy=\"40\" r=\"7\"/>",
          x + 8, x + 8);
      said(x + 20, "best: " + shown(best));
    }
  }

  private int said(int x, String text) {
    line("<text x=\"%d\" y=\"44\">%s</text>", x, text);
    return x + 16 + 7 * text.length();
  }

  /// Draws the legend of several runs: colour, name and best held-out loss.
  private void legend(List<Curves> runs) {
    for (int i = 0; i < runs.size(); i++) {
      Curves run = runs.get(i);
      int y = TOP + LEGEND * i;
      line(
          "<line class=\"smooth c%d\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/><text x=\"%d\""
              + " y=\"%d\">%s</text>",
          i % COLOURS,
          LEFT,
          LEFT + 24,
          y,
          y,
          LEFT + 32,
          y + 4,
          escaped(cut(run.name()) + end(run)));
    }
  }

  private static String end(Curves run) {
    Point best = run.best();
    return best == null ? "" : " (held out, best: " + shown(best) + ")";
  }

  private static String shown(Point best) {
    return String.format(Locale.ROOT, "%.4f after step %,d", best.loss(), best.step());
  }

  private static String cut(String name) {
    return name.length() > 80 ? name.substring(0, 79) + "…" : name;
  }

  private static String x(Axes f, double step) {
    return number(LEFT + f.steps().share(step) * (WIDTH - LEFT - RIGHT));
  }

  private String y(Axes f, double loss) {
    double y = top + (1 - f.losses().share(loss)) * PLOT;
    return number(Math.clamp(y, -PLOT, 3.0 * PLOT)); // far outside is outside
  }

  private static String number(double value) {
    long tenths = Math.round(value * 10);
    long rest = Math.abs(tenths % 10);
    String sign = tenths < 0 && tenths > -10 ? "-" : "";
    return sign + tenths / 10 + (rest == 0 ? "" : "." + rest);
  }

  private void line(String format, Object... values) {
    svg.append(values.length == 0 ? format : String.format(Locale.ROOT, format, values))
        .append('\n');
  }

  /// Escapes a text for XML; characters that XML forbids become a question mark.
  private static String escaped(String text) {
    StringBuilder xml = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '&' -> xml.append("&amp;");
                case '<' -> xml.append("&lt;");
                case '>' -> xml.append("&gt;");
                case '"' -> xml.append("&quot;");
                default -> {
                  boolean allowed =
                      c >= 0x20 && c < 0xD800 || c >= 0xE000 && c < 0xFFFE || c >= 0x10000;
                  xml.appendCodePoint(allowed && c != 0x7F ? c : '?');
                }
              }
            });
    return xml.toString();
  }
}
