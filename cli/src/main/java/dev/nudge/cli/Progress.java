package dev.nudge.cli;

import dev.nudge.train.TrainEvent;
import dev.nudge.train.TrainEvent.Evaluated;
import dev.nudge.train.TrainEvent.Finished;
import dev.nudge.train.TrainEvent.Planned;
import dev.nudge.train.TrainEvent.Saved;
import dev.nudge.train.TrainEvent.Step;
import dev.nudge.train.TrainEvent.Warning;
import java.io.PrintStream;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/// Draws a run on standard error: on a terminal one live line, else lines at sensible intervals.
///
/// The arrow beside the loss compares it with a running mean of the steps before (weight 0.9):
/// losses of single steps jump, and the eye is bad at averaging. The time left is a
/// running mean of a step's time, so that the slow first steps of a cold JVM are soon forgotten,
/// times the steps to come.
///
/// The live line is redrawn in place. It switches the terminal's line wrap off while it draws, so
/// that a narrow window cuts it instead of scrolling.
///
/// Threading: events come one at a time.
final class Progress implements Consumer<TrainEvent> {
  /// How progress is shown.
  enum Style {
    LIVE,
    LINES,
    /// Warnings only.
    SILENT
  }

  private static final String CLEAR = "\r\u001b[K";
  private static final String NO_WRAP = "\u001b[?7l";
  private static final String WRAP = "\u001b[?7h";
  private static final long REDRAW_NANOS = 100_000_000L;
  private static final long LINE_NANOS = 10_000_000_000L;
  private static final double KEPT = 0.9;
  private static final double FLAT = 0.002;

  private final PrintStream err;
  private final Style style;
  private final LongSupplier clock;
  private double mean = Double.NaN;
  private double seconds = Double.NaN; // of a step, running mean
  private long shownAt;
  private boolean live;

  /// @param clock nanoseconds, for the intervals
  Progress(PrintStream err, Style style, LongSupplier clock) {
    this.err = err;
    this.style = style;
    this.clock = clock;
  }

  @Override
  public void accept(TrainEvent event) {
    switch (event) {
      case Warning warning -> print("nudge: warning: " + warning.line());
      case Planned planned -> note(planned.line());
      case Step step -> step(step);
      case Evaluated held -> note(heldOut(held));
      case Saved saved -> note("saved " + saved.folder());
      case Finished finished -> note(finished(finished));
    }
  }

  /// Leaves the terminal on a fresh line, whatever happened.
  void end() {
    if (live) {
      err.println();
      live = false;
    }
  }

  private void step(Step step) {
    seconds = Double.isNaN(seconds) ? step.seconds() : running(seconds, step.seconds());
    String line = line(step);
    if (!Double.isNaN(step.loss())) {
      mean = Double.isNaN(mean) ? step.loss() : running(mean, step.loss());
    }
    long now = clock.getAsLong();
    boolean edge = step.step() == 1 || step.step() == step.steps();
    switch (style) {
      case LIVE -> {
        if (edge || !live || now - shownAt >= REDRAW_NANOS) {
          err.print(CLEAR + NO_WRAP + line + WRAP);
          err.flush();
          live = true;
          shownAt = now;
        }
        if (step.step() == step.steps()) {
          end();
        }
      }
      case LINES -> {
        if (edge || tenth(step) || now - shownAt >= LINE_NANOS) {
          err.println(line);
          shownAt = now;
        }
      }
      case SILENT -> {}
    }
  }

  private static double running(double mean, double value) {
    return KEPT * mean + (1 - KEPT) * value;
  }

  /// Whether a new tenth of the run begins after this step.
  private static boolean tenth(Step step) {
    return 10L * step.step() / step.steps() != 10L * (step.step() - 1) / step.steps();
  }

  private String line(Step step) {
    String loss =
        Double.isNaN(step.loss())
            ? "loss skipped "
            : String.format(Locale.ROOT, "loss %.4f %s", step.loss(), arrow(step.loss()));
    String memory =
        Double.isNaN(step.rssAnonMb())
            ? ""
            : String.format(Locale.ROOT, "  %.1f GB", step.rssAnonMb() / 1024);
    double left = seconds * (step.steps() - step.step());
    return String.format(
        Locale.ROOT,
        "step %d/%d  %s  lr %.2e  norm %.3f  %,.0f tok/s%s  %s left",
        step.step(),
        step.steps(),
        loss,
        step.lr(),
        step.gradNorm(),
        step.tokensPerSecond(),
        memory,
        duration(left));
  }

  private String arrow(double loss) {
    if (Double.isNaN(mean) || Math.abs(loss - mean) <= FLAT * Math.abs(mean)) {
      return "→";
    }
    return loss < mean ? "↓" : "↑";
  }

  private static String heldOut(Evaluated held) {
    return String.format(
        Locale.ROOT,
        "step %d  held-out loss %.4f over %,d tokens%s",
        held.step(),
        held.loss(),
        held.tokens(),
        held.best() ? "  best so far" : "");
  }

  private static String finished(Finished end) {
    String best =
        end.bestLoss() == null
            ? ""
            : String.format(Locale.ROOT, ", best held-out loss %.4f", end.bestLoss());
    return String.format(
        Locale.ROOT,
        "%s after %,d steps, %,d trained tokens, %s%s",
        end.state().name().toLowerCase(Locale.ROOT),
        end.steps(),
        end.trainedTokens(),
        duration(end.seconds()),
        best);
  }

  /// Writes seconds as `45 s`, `3:05` or `2:03:05`.
  static String duration(double seconds) {
    long s = Math.round(seconds);
    if (s < 60) {
      return s + " s";
    }
    return s < 3600
        ? String.format(Locale.ROOT, "%d:%02d", s / 60, s % 60)
        : String.format(Locale.ROOT, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
  }

  private void note(String line) {
    if (style != Style.SILENT) {
      print(line);
    }
  }

  private void print(String line) {
    if (live) {
      err.print(CLEAR);
      live = false;
    }
    err.println(line);
  }
}
