package dev.nudge.cli;

import java.io.PrintStream;
import java.util.function.LongSupplier;

/// Shows on standard error how something goes on: on a terminal one line that is redrawn in place,
/// else lines at sensible intervals.
///
/// It switches the terminal's line wrap off while it draws, so that a narrow window cuts the line
/// instead of scrolling.
///
/// Threading: one call at a time.
final class LiveLine {
  private static final String CLEAR = "\r\u001b[K";
  private static final String NO_WRAP = "\u001b[?7l";
  private static final String WRAP = "\u001b[?7h";
  private static final long REDRAW_NANOS = 100_000_000L;
  private static final long LINE_NANOS = 10_000_000_000L;

  private final PrintStream err;
  private final ProgressLine.Style style;
  private final LongSupplier clock;
  private final String margin;
  private long shownAt;
  private boolean live;

  /// @param clock nanoseconds, for the intervals
  /// @param margin before each line
  LiveLine(PrintStream err, ProgressLine.Style style, LongSupplier clock, String margin) {
    this.err = err;
    this.style = style;
    this.clock = clock;
    this.margin = margin;
    this.shownAt = clock.getAsLong();
  }

  /// Shows a line that says how far the work is.
  ///
  /// @param edge whether it is the first or the last, which is always shown
  /// @param milestone whether it is worth a line where nothing can be redrawn
  void draw(String line, boolean edge, boolean milestone) {
    long now = clock.getAsLong();
    switch (style) {
      case LIVE -> {
        if (edge || !live || now - shownAt >= REDRAW_NANOS) {
          err.print(CLEAR + NO_WRAP + margin + line + WRAP);
          err.flush();
          live = true;
          shownAt = now;
        }
      }
      case LINES -> {
        if (edge || milestone || now - shownAt >= LINE_NANOS) {
          err.println(margin + line);
          shownAt = now;
        }
      }
      case SILENT -> {}
    }
  }

  /// Prints a line that stays, in place of the live one.
  void print(String line) {
    clear();
    err.println(line);
  }

  /// Prints a line that stays, behind the margin; does nothing where progress is hidden.
  void note(String line) {
    if (style != ProgressLine.Style.SILENT) {
      print(margin + line);
    }
  }

  /// Takes the live line away.
  void clear() {
    if (live) {
      err.print(CLEAR);
      err.flush();
      live = false;
    }
  }

  /// Leaves the live line where it is and the terminal on a fresh one.
  void end() {
    if (live) {
      err.println();
      live = false;
    }
  }
}
