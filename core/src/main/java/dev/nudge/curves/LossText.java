package dev.nudge.curves;

import dev.nudge.curves.Curves.Point;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// Draws the losses of runs as text: one small plot a run, all with the same axes.
///
/// The smoothed line is drawn in dots of braille, two by four a character, or in `*` if the
/// terminal has ASCII only; held-out losses are an `o`.
public final class LossText {
  private static final int BRAILLE = 0x2800;
  private static final int[][] DOTS = {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}};
  private static final int LABEL = 9;

  private final boolean unicode;
  private final int columns;
  private final int rows;
  private final int[][] cells;

  private LossText(boolean unicode, int columns, int rows) {
    this.unicode = unicode;
    this.columns = columns;
    this.rows = rows;
    this.cells = new int[rows][columns];
  }

  /// Draws the plots one below the other.
  ///
  /// @param unicode whether the terminal shows braille
  /// @param width of a line, at least 30
  /// @param rows lines of a plot, at least 2
  public static List<String> of(List<Curves> runs, boolean unicode, int width, int rows) {
    Axes frame = Axes.of(runs, 4, 4, 0);
    List<String> lines = new ArrayList<>();
    for (Curves run : runs) {
      if (!lines.isEmpty()) {
        lines.add("");
      }
      lines.add(run.name());
      if (frame == null || run.isEmpty()) {
        lines.add(" ".repeat(LABEL + 1) + "no loss yet");
      } else {
        LossText plot = new LossText(unicode, width - LABEL - 2, rows);
        plot.line(run.smooth(), frame);
        run.heldOut().forEach(point -> plot.mark(point, frame));
        lines.addAll(plot.lines(frame));
      }
    }
    return lines;
  }

  private void line(List<Point> points, Axes frame) {
    int across = unicode ? 2 : 1;
    int down = unicode ? 4 : 1;
    int lastX = -1;
    int lastY = -1;
    for (Point point : points) {
      int x = at(frame.steps().share(point.step()), columns * across);
      int y = at(1 - frame.losses().share(point.loss()), rows * down);
      int moves = lastX < 0 ? 0 : Math.max(Math.abs(x - lastX), Math.abs(y - lastY));
      for (int i = 0; i <= moves; i++) {
        double share = moves == 0 ? 1 : i / (double) moves;
        int px = moves == 0 ? x : (int) Math.rint(lastX + (x - lastX) * share);
        int py = moves == 0 ? y : (int) Math.rint(lastY + (y - lastY) * share);
        cells[py / down][px / across] =
            unicode
                ? Math.max(BRAILLE, cells[py / down][px / across]) | DOTS[px % across][py % down]
                : '*';
      }
      lastX = x;
      lastY = y;
    }
  }

  private void mark(Point point, Axes frame) {
    int x = at(frame.steps().share(point.step()), columns);
    int y = at(1 - frame.losses().share(point.loss()), rows);
    cells[y][x] = 'o';
  }

  private static int at(double share, int size) {
    return Math.clamp((int) Math.floor(share * size), 0, size - 1);
  }

  private List<String> lines(Axes frame) {
    List<String> lines = new ArrayList<>();
    String bar = unicode ? "│" : "|";
    for (int row = 0; row < rows; row++) {
      String label =
          row == 0
              ? value(frame.losses().to())
              : row == rows - 1 ? value(frame.losses().from()) : "";
      StringBuilder line = new StringBuilder(" ".repeat(Math.max(0, LABEL - label.length())));
      line.append(label).append(' ').append(bar);
      Arrays.stream(cells[row]).forEach(c -> line.appendCodePoint(c == 0 ? ' ' : c));
      lines.add(line.toString().stripTrailing());
    }
    String from = "step " + frame.steps().label(frame.steps().from());
    String to = frame.steps().label(frame.steps().to());
    int space = Math.max(1, columns - from.length() - to.length());
    lines.add(" ".repeat(LABEL + 2) + from + " ".repeat(space) + to);
    return lines;
  }

  private static String value(double loss) {
    return String.format(Locale.ROOT, "%.4f", loss);
  }
}
