package dev.nudge.cli;

/// The size of text plots.
final class Plots {
  static final int SMALL = 6; // lines of one of several
  static final int LARGE = 12;
  private static final int LEAST = 40;
  private static final int MOST = 100;

  private Plots() {}

  /// The width of a plot, from the terminal's within limits.
  static int width() {
    int columns = Terminal.columns();
    return Math.clamp(columns == 0 ? MOST : columns, LEAST, MOST);
  }
}
