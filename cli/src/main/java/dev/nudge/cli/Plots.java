package dev.nudge.cli;

/// How large curves are drawn with characters.
final class Plots {
  static final int SMALL = 6; // lines of one of several
  static final int LARGE = 12;
  private static final int LEAST = 40;
  private static final int MOST = 100;

  private Plots() {}

  /// The columns of a plot: those of the terminal, within reason.
  static int width() {
    int columns = Terminal.columns();
    return Math.clamp(columns == 0 ? MOST : columns, LEAST, MOST);
  }
}
