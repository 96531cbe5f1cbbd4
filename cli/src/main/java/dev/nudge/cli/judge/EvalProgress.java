package dev.nudge.cli.judge;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.LiveLine;
import dev.nudge.cli.console.ProgressLine;
import dev.nudge.eval.run.Evaluation;
import java.util.Locale;
import java.util.function.LongSupplier;

/// Draws the progress of an evaluation: tokens, then verdicts of the judge, with the estimated
/// time left.
///
/// Threading: one call at a time.
final class EvalProgress implements Evaluation.Watcher {
  private static final int BAR = 20;
  private static final double ENOUGH = 2; // seconds before the time left is shown

  private final LiveLine line;
  private final Console console;
  private final LongSupplier clock;
  private long begun = -1;
  private long reachedAtStart; // progress at the start of the clock
  private int tenth;
  private String drawn = ""; // the unit that was drawn last

  /// @param clock nanoseconds
  EvalProgress(LiveLine line, Console console, LongSupplier clock) {
    this.line = line;
    this.console = console;
    this.clock = clock;
  }

  @Override
  public void progress(long tokens, long all, String task, String model) {
    draw(tokens, all, "tokens", task + ", " + model);
  }

  @Override
  public void judging(long verdicts, long all, String task) {
    draw(verdicts, all, "verdicts", task);
  }

  private void draw(long reached, long all, String unit, String what) {
    long now = clock.getAsLong();
    if (begun < 0 || !unit.equals(drawn)) {
      begun = now;
      reachedAtStart = reached;
      tenth = 0;
      drawn = unit;
    }
    double seconds = (now - begun) / 1e9;
    double rate = (reached - reachedAtStart) / seconds;
    String left =
        seconds < ENOUGH || rate <= 0
            ? ""
            : "  " + ProgressLine.duration((all - reached) / rate) + " left";
    int filled = (int) (BAR * reached / all);
    int tenths = (int) (10 * reached / all);
    line.draw(
        String.format(
            Locale.ROOT,
            "[%s%s] %,d/%,d %s  %s%s",
            "#".repeat(filled),
            ".".repeat(BAR - filled),
            reached,
            all,
            unit,
            what,
            left),
        reached == all,
        tenths > tenth);
    tenth = tenths;
  }

  @Override
  public void note(String text) {
    line.note(text);
  }

  @Override
  public void warn(String text) {
    line.clear();
    console.warn(text);
  }
}
