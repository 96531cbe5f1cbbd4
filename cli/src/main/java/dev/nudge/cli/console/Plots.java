package dev.nudge.cli.console;

/// The size of text plots.
public final class Plots {
  public static final int SMALL = 6; // lines of one plot of several
  public static final int LARGE = 12;
  private static final int LEAST = 40;
  private static final int MOST = 100;

  private Plots() {}

  /// Returns the width of a plot, from the terminal's within limits.
  public static int width() {
    int columns = Terminal.columns();
    return Math.clamp(columns == 0 ? MOST : columns, LEAST, MOST);
  }
}
