package dev.nudge.cli.console;

import dev.nudge.settings.Count;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import dev.nudge.train.events.TrainEvent.Diverged;
import dev.nudge.train.events.TrainEvent.Evaluated;
import dev.nudge.train.events.TrainEvent.Failed;
import dev.nudge.train.events.TrainEvent.Finished;
import dev.nudge.train.events.TrainEvent.Layout;
import dev.nudge.train.events.TrainEvent.Planned;
import dev.nudge.train.events.TrainEvent.Referenced;
import dev.nudge.train.events.TrainEvent.Sampled;
import dev.nudge.train.events.TrainEvent.Saved;
import dev.nudge.train.events.TrainEvent.Started;
import dev.nudge.train.events.TrainEvent.Step;
import dev.nudge.train.events.TrainEvent.Tokenised;
import dev.nudge.train.events.TrainEvent.Warning;
import java.io.PrintStream;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/// Draws the progress of a training run on standard error.
///
/// The arrow after the loss compares it with an exponential moving average (weight 0.9), because
/// losses of single steps are noisy. Tokens per second are measured over the latest 20 steps. The
/// time left is their mean step time times the remaining steps, plus the mean time of held-out
/// evaluations and of other work between steps. Neither includes the first step, which is several
/// times slower on a cold JVM; the time left appears a few steps later.
///
/// Threading: events come one at a time.
public final class ProgressLine implements Consumer<TrainEvent> {
  private static final int BAR = 20;
  private static final long MANY_TOKENS = 1_000_000; // tokens from which the line stays

  /// How progress is shown.
  public enum Style {
    LIVE,
    LINES,
    /// Only warnings.
    SILENT
  }

  private static final double KEPT = 0.9;
  private static final String REWARD = "reward"; // a figure of RL steps
  private static final double FLAT = 0.002;
  private static final int LATEST = 20; // steps
  private static final int ENOUGH = 3; // steps before the time left is shown
  private static final int SHOWN = 60; // characters of a prompt or an answer

  private final LiveLine line;
  private double mean = Double.NaN;
  private final LongSupplier clock;
  private final Deque<Step> latest = new ArrayDeque<>(); // steps, the first one only while alone
  private int timed; // steps without the first
  private boolean first = true; // the next step is the first seen; a resumed run begins above 1
  private long steppedAt; // time of the last step event
  private double evaluating; // seconds of evaluations since then
  private double between; // seconds of other work between steps
  private int evaluations; // held-out evaluations to come
  private int evaluated; // evaluations in the mean
  private double evaluation; // mean seconds of one evaluation
  private boolean beforeFirstStep = true; // no step yet; an evaluation is slower then
  private boolean saved; // a checkpoint was saved

  /// @param clock nanoseconds, for the intervals
  public ProgressLine(PrintStream err, Style style, LongSupplier clock) {
    this(new LiveLine(err, style, clock, ""), clock);
  }

  /// @param clock nanoseconds, for the time between steps
  public ProgressLine(LiveLine line, LongSupplier clock) {
    this.line = line;
    this.clock = clock;
  }

  /// Returns the progress style of a verb.
  public static Style style(Console console) {
    if (console.quiet()) {
      return Style.SILENT;
    }
    return Terminal.watchesErrors() ? Style.LIVE : Style.LINES;
  }

  @Override
  public void accept(TrainEvent event) {
    switch (event) {
      case Warning warning -> line.print("nudge: warning: " + warning.line());
      case Diverged sign -> line.print("nudge: warning: " + sign.line());
      case Tokenised rows -> tokenised(line, rows);
      case Started started -> evaluations = started.evaluations();
      case Planned planned -> line.note(planned.line());
      case Layout layout -> line.note(layout.line());
      case Referenced rows -> referenced(rows);
      case Step step -> step(step);
      case Evaluated held -> evaluated(held);
      case Sampled sample -> line.note(sampled(sample));
      case Saved folder -> saved(folder);
      case Finished finished -> finished(finished);
      case Failed _ -> {} // the command prints the reason as its last line
    }
  }

  /// Shows the progress of tokenization; the line stays if it took long.
  public static void tokenised(LiveLine line, Tokenised rows) {
    boolean done = rows.share() == 1;
    String made =
        String.format(
            Locale.ROOT,
            "%s, %s, %,.0f tokens/s",
            Count.of(rows.rows(), "row"),
            Count.of(rows.tokens(), "token"),
            rows.tokens() / Math.max(1e-3, rows.seconds()));
    if (!done) {
      line.draw("tokenising [%s] %s".formatted(bar(rows.share()), made), false, false);
    } else if (rows.tokens() >= MANY_TOKENS) {
      line.note("tokenised  " + made);
    } else {
      line.clear();
    }
  }

  private void referenced(Referenced rows) {
    double left = rows.seconds() / rows.sequences() * (rows.all() - rows.sequences());
    String text =
        String.format(
            Locale.ROOT,
            "scoring the reference [%s] %,d of %,d%s",
            bar((double) rows.sequences() / rows.all()),
            rows.sequences(),
            rows.all(),
            left > 0 ? "  " + duration(left) + " left" : "");
    line.draw(text, false, false);
    if (rows.sequences() == rows.all()) {
      line.clear();
    }
  }

  private static String bar(double share) {
    int filled = (int) (BAR * share);
    return "#".repeat(filled) + ".".repeat(BAR - filled);
  }

  private void evaluated(Evaluated held) {
    evaluating += held.seconds();
    if (beforeFirstStep) {
      evaluation = held.seconds(); // until a later one is measured
    } else {
      evaluated++;
      evaluation += (held.seconds() - evaluation) / evaluated;
      evaluations = Math.max(0, evaluations - 1);
    }
    line.note(heldOut(held));
  }

  private static String sampled(Sampled sample) {
    return String.format(
        Locale.ROOT,
        "step %d  sample %s -> %s",
        sample.step(),
        quoted(sample.prompt(), true),
        quoted(sample.completion(), false));
  }

  /// A text on one line, truncated: a prompt at its start, because the answer follows its end.
  private static String quoted(String text, boolean end) {
    String flat = text.replaceAll("[\\s\\p{Cntrl}]+", " ").strip();
    int[] points = flat.codePoints().toArray();
    if (points.length > SHOWN) {
      flat =
          end
              ? "…" + new String(points, points.length - SHOWN, SHOWN)
              : new String(points, 0, SHOWN) + "…";
    }
    return "\"" + flat + "\"";
  }

  private void saved(Saved folder) {
    saved = true;
    line.note("saved " + folder.folder());
  }

  private void finished(Finished end) {
    if (end.state() == RunState.STOPPED && !saved) {
      line.print("nudge: stopped before an update: nothing was trained and nothing is saved");
    } else {
      line.note(summary(end));
    }
  }

  /// Moves the terminal to a new line.
  public void end() {
    line.end();
  }

  private void step(Step step) {
    take(step);
    String text = line(step);
    if (!Double.isNaN(step.loss())) {
      mean = Double.isNaN(mean) ? step.loss() : running(mean, step.loss());
    }
    boolean last = step.step() == step.steps();
    line.draw(text, step.step() == 1 || last, tenth(step));
    if (last) {
      end();
    }
  }

  private void take(Step step) {
    long now = clock.getAsLong();
    if (first) {
      first = false;
    } else {
      if (timed == 0) {
        latest.clear(); // drop the first step
      }
      timed++;
      between += Math.max(0, (now - steppedAt) / 1e9 - step.seconds() - evaluating);
    }
    latest.addLast(step);
    if (latest.size() > LATEST) {
      latest.removeFirst();
    }
    steppedAt = now;
    evaluating = 0;
    beforeFirstStep = false;
  }

  private double tokensPerSecond() {
    long tokens = latest.stream().mapToLong(Step::tokens).sum();
    return tokens / latest.stream().mapToDouble(Step::seconds).sum();
  }

  private double secondsLeft(Step step) {
    double seconds = latest.stream().mapToDouble(Step::seconds).average().orElse(0);
    return (seconds + between / timed) * (step.steps() - step.step()) + evaluation * evaluations;
  }

  private static double running(double mean, double value) {
    return KEPT * mean + (1 - KEPT) * value;
  }

  /// Whether a step completes another tenth of the run.
  private static boolean tenth(Step step) {
    return 10L * step.step() / step.steps() != 10L * (step.step() - 1) / step.steps();
  }

  private String line(Step step) {
    String loss =
        Double.isNaN(step.loss())
            ? "loss skipped "
            : String.format(Locale.ROOT, "loss %.4f %s", step.loss(), arrow(step.loss()));
    Double reward = step.figures().get(REWARD);
    if (reward != null && !reward.isNaN()) { // the loss of GRPO groups is always near 0
      loss = String.format(Locale.ROOT, "reward %.4f  loss %.4f", reward, step.loss());
    }
    String memory =
        Double.isNaN(step.rssAnonMb())
            ? ""
            : String.format(Locale.ROOT, "  %.1f GB", step.rssAnonMb() / 1024);
    String left = timed < ENOUGH ? "" : "  " + duration(secondsLeft(step)) + " left";
    return String.format(
        Locale.ROOT,
        "step %d/%d  %s  lr %.2e  norm %.3f  %,.0f tok/s%s%s",
        step.step(),
        step.steps(),
        loss,
        step.lr(),
        step.gradNorm(),
        tokensPerSecond(),
        memory,
        left);
  }

  private String arrow(double loss) {
    if (Double.isNaN(mean) || Math.abs(loss - mean) <= FLAT * Math.abs(mean)) {
      return "→";
    }
    return loss < mean ? "↓" : "↑";
  }

  private static String heldOut(Evaluated held) {
    Double reward = held.figures().get(REWARD);
    if (reward != null) {
      return String.format(
          Locale.ROOT,
          "step %d  held-out reward %.4f%s",
          held.step(),
          reward,
          held.best() ? "  best so far" : "");
    }
    return String.format(
        Locale.ROOT,
        "step %d  held-out loss %.4f over %s%s",
        held.step(),
        held.loss(),
        Count.of(held.tokens(), "token"),
        held.best() ? "  best so far" : "");
  }

  private static String summary(Finished end) {
    String best =
        end.bestLoss() == null
            ? ""
            : String.format(Locale.ROOT, ", best held-out loss %.4f", end.bestLoss());
    return String.format(
        Locale.ROOT,
        "%s%s after %s%s, %s, %s%s",
        end.state().name().toLowerCase(Locale.ROOT),
        end.early() == null ? "" : " early",
        Count.of(end.steps(), "step"),
        end.early() == null ? "" : ", for " + end.early(),
        Count.of(end.trainedTokens(), "trained token"),
        duration(end.seconds()),
        best);
  }

  /// Formats seconds as `45 s`, `3:05` or `2:03:05`.
  public static String duration(double seconds) {
    long s = Math.round(seconds);
    if (s < 60) {
      return s + " s";
    }
    return s < 3600
        ? String.format(Locale.ROOT, "%d:%02d", s / 60, s % 60)
        : String.format(Locale.ROOT, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
  }
}
