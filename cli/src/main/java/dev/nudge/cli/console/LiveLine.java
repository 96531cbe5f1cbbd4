package dev.nudge.cli.console;

import java.io.PrintStream;
import java.util.function.LongSupplier;

/// Shows progress on standard error: a line redrawn in place on a terminal, else lines at sensible
/// intervals.
///
/// It switches the terminal's line wrap off while it draws, so that a narrow window truncates the
/// line instead of scrolling.
///
/// Threading: one call at a time.
public final class LiveLine {
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
  /// @param margin printed before each line
  public LiveLine(PrintStream err, ProgressLine.Style style, LongSupplier clock, String margin) {
    this.err = err;
    this.style = style;
    this.clock = clock;
    this.margin = margin;
    this.shownAt = clock.getAsLong();
  }

  /// Shows a progress line.
  ///
  /// @param edge whether it is the first or the last line, which is always shown
  /// @param milestone whether to print it without a terminal
  public void draw(String line, boolean edge, boolean milestone) {
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

  /// Prints a permanent line, replacing the live one.
  void print(String line) {
    clear();
    err.println(line);
  }

  /// Prints a permanent line after the margin; nothing if progress is hidden.
  public void note(String line) {
    if (style != ProgressLine.Style.SILENT) {
      print(margin + line);
    }
  }

  /// Erases the live line.
  public void clear() {
    if (live) {
      err.print(CLEAR);
      err.flush();
      live = false;
    }
  }

  /// Keeps the live line and moves the cursor to a new one.
  public void end() {
    if (live) {
      err.println();
      live = false;
    }
  }
}
