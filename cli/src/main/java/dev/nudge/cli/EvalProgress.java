package dev.nudge.cli;

import dev.nudge.eval.run.Evaluation;
import java.util.Locale;
import java.util.function.LongSupplier;

/// Draws how far an evaluation is: tokens that are read, and the time that the others will take at
/// the rate so far.
///
/// Threading: one call at a time.
final class EvalProgress implements Evaluation.Watcher {
  private static final int BAR = 20;
  private static final double ENOUGH = 2; // seconds, to tell the time left

  private final LiveLine line;
  private final Console console;
  private final LongSupplier clock;
  private long begun = -1;
  private long before; // tokens that were done when the clock began
  private int tenth;

  /// @param clock nanoseconds
  EvalProgress(LiveLine line, Console console, LongSupplier clock) {
    this.line = line;
    this.console = console;
    this.clock = clock;
  }

  @Override
  public void progress(long tokens, long all, String task, String model) {
    long now = clock.getAsLong();
    if (begun < 0) {
      begun = now;
      before = tokens;
    }
    double seconds = (now - begun) / 1e9;
    double rate = (tokens - before) / seconds;
    String left =
        seconds < ENOUGH || rate <= 0
            ? ""
            : "  " + Progress.duration((all - tokens) / rate) + " left";
    int filled = (int) (BAR * tokens / all);
    int reached = (int) (10 * tokens / all);
    line.draw(
        String.format(
            Locale.ROOT,
            "[%s%s] %,d/%,d tokens  %s, %s%s",
            "#".repeat(filled),
            ".".repeat(BAR - filled),
            tokens,
            all,
            task,
            model,
            left),
        tokens == all,
        reached > tenth);
    tenth = reached;
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
