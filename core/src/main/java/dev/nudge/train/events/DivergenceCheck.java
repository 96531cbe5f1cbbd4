package dev.nudge.train.events;

import dev.nudge.settings.train.Rate;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.TrainEvent.Diverged.Cause;
import java.math.BigDecimal;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Detects divergence from the losses and gradient norms of steps; warns once per sign.
///
/// - Loss: the running mean (weight 0.9) is, for 10 steps in a row after the warm-up, above the
///   initial loss by more than a fifth, 0.1 nats and twice the mean distance of losses from their
///   running mean (a noisy loss must rise more). The initial loss is the mean of the three lowest
///   of the first five, since a run may explode within these.
/// - Not finite: 3 steps in a row whose loss or gradient is not finite, after an update. Before the
///   first update the model or the machine is at fault, which the run's end reports.
/// - Gradient: the norm is 100 times the median of the last 100 norms, of which 20 must be known.
///
/// The check depends only on losses and norms, which `metrics.jsonl` holds: a resumed run reads
/// them again, so it warns at the same step and never twice.
public final class DivergenceCheck {
  private static final double KEPT = 0.9;
  private static final double RISE = 0.2; // of the initial loss
  private static final double MARGIN = 0.1; // nats
  private static final int FIRST = 5; // losses
  private static final int LOWEST = 3; // of these, that are the start
  private static final int LONG = 10; // steps
  private static final int NO_NUMBER = 3; // steps
  private static final int NORMS = 100;
  private static final int KNOWN_NORMS = 20;
  private static final double JUMP = 100;

  private final TrainSettings settings;
  private final int warmup;
  private final Deque<Double> norms = new ArrayDeque<>(); // the latest last
  private final Set<Cause> told = EnumSet.noneOf(Cause.class);
  private int losses;
  private final double[] begin = new double[FIRST]; // the first losses
  private double start = Double.NaN;
  private double mean = Double.NaN;
  private double jump; // mean distance of a loss from the mean before it
  private int above; // steps in a row
  private int without; // non-finite steps in a row
  private @Nullable Integer first;

  /// @param steps of the whole run
  public DivergenceCheck(TrainSettings settings, int steps) {
    this.settings = settings;
    this.warmup = settings.optimizer().warmup().steps(steps);
  }

  /// The step at which the first sign was seen; null: none was.
  public @Nullable Integer step() {
    return first;
  }

  /// Checks a loss and its gradient norm.
  ///
  /// @param loss NaN if the step was skipped
  /// @param trained labelled tokens; a step without any is ignored
  /// @return a sign seen for the first time, or null
  public TrainEvent.@Nullable Diverged take(int step, double loss, double norm, long trained) {
    if (trained == 0) {
      return null;
    }
    if (!Double.isFinite(loss)) {
      without++;
      return losses > 0 && without == NO_NUMBER ? sign(step, Cause.NOT_FINITE, noNumber()) : null;
    }
    without = 0;
    double median = median();
    norms.addLast(norm);
    if (norms.size() > NORMS) {
      norms.removeFirst();
    }
    take(step, loss);
    if (above == LONG && !told.contains(Cause.LOSS)) {
      return sign(step, Cause.LOSS, rises());
    }
    return norm > JUMP * median ? sign(step, Cause.GRADIENT_NORM, jumps(norm, median)) : null;
  }

  private void take(int step, double loss) {
    losses++;
    if (losses == 1) {
      mean = loss;
    }
    jump = KEPT * jump + (1 - KEPT) * Math.abs(loss - mean);
    mean = KEPT * mean + (1 - KEPT) * loss;
    if (losses <= FIRST) {
      begin[losses - 1] = loss;
      start = Arrays.stream(begin, 0, losses).sorted().limit(LOWEST).average().orElse(loss);
    } else if (step > warmup) {
      above = mean > start + RISE * Math.abs(start) + MARGIN + 2 * jump ? above + 1 : 0;
    }
  }

  /// The median of the latest norms; infinite if too few are known.
  private double median() {
    if (norms.size() < KNOWN_NORMS) {
      return Double.POSITIVE_INFINITY;
    }
    double[] sorted = norms.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    double median = sorted[sorted.length / 2];
    return median > 0 ? median : Double.POSITIVE_INFINITY;
  }

  private TrainEvent.@Nullable Diverged sign(int step, Cause cause, String line) {
    if (!told.add(cause)) {
      return null;
    }
    first = first == null ? (Integer) step : first;
    return new TrainEvent.Diverged(step, cause, "step " + step + ": " + line);
  }

  private String rises() {
    String clip = clips() ? "" : ", or leave --max-grad-norm at 1";
    String order =
        settings.loop().shuffle() ? "" : "; with --no-shuffle later rows may just be harder";
    return format(
        "the loss has been above its start for %d steps (smoothed %.2f, it began at %.2f): lower"
            + " --learning-rate (now %s), or give a longer --warmup%s%s",
        LONG, mean, start, rate(), clip, order);
  }

  private String noNumber() {
    return format(
        "the loss or its gradient was not finite for %d steps in a row: lower --learning-rate (now"
            + " %s)%s",
        NO_NUMBER, rate(), clips() ? "" : ", or leave --max-grad-norm at 1");
  }

  private String jumps(double norm, double median) {
    String what =
        format("the norm of the gradient, %.3g, is over 100 times its median, %.3g", norm, median);
    return clips()
        ? format(
            "%s: it is clipped to --max-grad-norm %s, but look at the rows of this step; where it"
                + " comes again, lower --learning-rate (now %s)",
            what, number(settings.optimizer().maxGradNorm()), rate())
        : format(
            "%s, and nothing clips it: leave --max-grad-norm at 1, or lower --learning-rate (now"
                + " %s)",
            what, rate());
  }

  private boolean clips() {
    return settings.optimizer().maxGradNorm() > 0;
  }

  private String rate() {
    return Rate.shown(settings.optimizer().highestRate());
  }

  private static String number(double value) {
    return new BigDecimal(Double.toString(value)).stripTrailingZeros().toPlainString();
  }

  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
