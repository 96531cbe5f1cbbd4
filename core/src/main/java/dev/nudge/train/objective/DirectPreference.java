package dev.nudge.train.objective;

import static dev.nudge.train.objective.Objectives.logSigmoid;
import static dev.nudge.train.objective.Objectives.sigmoid;
import static dev.nudge.train.objective.Objectives.slope;

import dev.nudge.settings.train.LossType;
import java.util.Comparator;
import java.util.stream.IntStream;

/// Direct preference optimisation [1] with TRL's losses [2]: the mean over pairs of f.
///
/// With x and y the log-probabilities of the chosen and the rejected answer over those of the
/// reference, d = x − y, n the answers' tokens, ε the label smoothing, ls the log-sigmoid:
///
/// ```
/// sigmoid    −ls(βd)
/// hinge      max(0, 1 − βd)
/// ipo        (x/n_c − y/n_r − 1/2β)²
/// robust     (−(1−ε)·ls(βd) + ε·ls(−βd)) / (1−2ε)
/// exo_pair   σ(βd)·(ls(βd) − log(1−ε)) + σ(−βd)·(ls(−βd) − log ε)
/// nca_pair   −ls(βx) − ½·ls(−βx) − ½·ls(−βy)
/// sppo_hard  (x − 1/2β)² + (y + 1/2β)²
/// aot        −(1−ε)·ls(βδ) − ε·ls(−βδ), δ the k-th smallest log p_c − log p_r of the step over the
///            k-th smallest of the reference
/// apo_zero   σ(−βx) + σ(βy)
/// apo_down   σ(βx) + σ(−βd)
/// ```
///
/// With α (`--rpo-alpha`) the chosen answers' own loss is added: −α·Σ x / Σ n_c of the step.
///
/// [1] Rafailov et al., arXiv:2305.18290. [2] TRL 1.16, DPOTrainer, whose documentation names the
/// paper of each loss.
///
/// @param smoothing ε
/// @param alpha α; 0: none
public record DirectPreference(LossType type, double beta, double smoothing, double alpha)
    implements Objective {

  @Override
  public String name() {
    return "dpo";
  }

  @Override
  public boolean needsScores() {
    return true;
  }

  @Override
  public boolean needsReference() {
    return true;
  }

  /// A pair's loss, and its derivatives by x and y.
  private record Pair(double f, double byX, double byY) {}

  @Override
  public Weights weigh(Scored step) {
    int n = step.sequences().size() / 2;
    double[] shifts = type == LossType.AOT ? shifts(step, n) : new double[0];
    double[] each = new double[2 * n];
    double[] chosen = new double[n];
    double[] rejected = new double[n];
    double loss = 0;
    for (int i = 0; i < n; i++) {
      double x = step.ratio(2 * i);
      double y = step.ratio(2 * i + 1);
      Pair pair =
          type == LossType.AOT
              ? transported(shifts[i])
              : pair(x, y, tokens(step, 2 * i), tokens(step, 2 * i + 1));
      loss += pair.f / n;
      each[2 * i] = -pair.byX / n;
      each[2 * i + 1] = -pair.byY / n;
      chosen[i] = beta * x;
      rejected[i] = beta * y;
    }
    return new Weights(
        1, each, null, loss + imitated(step, each), Objectives.figures(chosen, rejected));
  }

  private static int tokens(Scored step, int place) {
    return Math.max(1, step.sequences().get(place).trainedTokens());
  }

  private Pair pair(double x, double y, int ofChosen, int ofRejected) {
    double d = beta * (x - y);
    double e = smoothing;
    return switch (type) {
      case SIGMOID -> ofDifference(-logSigmoid(d), -sigmoid(-d));
      case HINGE -> ofDifference(Math.max(0, 1 - d), d < 1 ? -1 : 0);
      case ROBUST ->
          ofDifference(
              (-(1 - e) * logSigmoid(d) + e * logSigmoid(-d)) / (1 - 2 * e),
              (-(1 - e) * sigmoid(-d) - e * sigmoid(d)) / (1 - 2 * e));
      case EXO_PAIR ->
          ofDifference(
              sigmoid(d) * (logSigmoid(d) - Math.log1p(-e))
                  + sigmoid(-d) * (logSigmoid(-d) - Math.log(e)),
              slope(d) * (d - Math.log1p(-e) + Math.log(e)));
      case IPO -> {
        double u = x / ofChosen - y / ofRejected - 1 / (2 * beta);
        yield new Pair(u * u, 2 * u / ofChosen, -2 * u / ofRejected);
      }
      case NCA_PAIR ->
          new Pair(
              -logSigmoid(beta * x) - 0.5 * logSigmoid(-beta * x) - 0.5 * logSigmoid(-beta * y),
              beta * (-sigmoid(-beta * x) + 0.5 * sigmoid(beta * x)),
              beta * 0.5 * sigmoid(beta * y));
      case SPPO_HARD -> {
        double u = x - 1 / (2 * beta);
        double v = y + 1 / (2 * beta);
        yield new Pair(u * u + v * v, 2 * u, 2 * v);
      }
      case APO_ZERO ->
          new Pair(
              sigmoid(-beta * x) + sigmoid(beta * y),
              -beta * slope(beta * x),
              beta * slope(beta * y));
      case APO_DOWN ->
          new Pair(
              sigmoid(beta * x) + sigmoid(-d),
              beta * (slope(beta * x) - slope(d)),
              beta * slope(d));
      case AOT -> throw new IllegalStateException("its pairs are not one by one");
      case DAPO, GRPO, DR_GRPO, BNPO -> throw new IllegalStateException(type + " is of groups");
    };
  }

  /// A loss of βd alone.
  ///
  /// @param slope derivative by βd
  private Pair ofDifference(double f, double slope) {
    return new Pair(f, beta * slope, -beta * slope);
  }

  private Pair transported(double shift) {
    double d = beta * shift;
    return ofDifference(
        -(1 - smoothing) * logSigmoid(d) - smoothing * logSigmoid(-d),
        -(1 - smoothing) * sigmoid(-d) + smoothing * sigmoid(d));
  }

  /// δ of each pair.
  private static double[] shifts(Scored step, int n) {
    double[] policy = margins(step.logprobs(), n);
    double[] reference = margins(step.reference(), n);
    int[] order =
        IntStream.range(0, n)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> policy[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    double[] sorted = IntStream.range(0, n).mapToDouble(i -> reference[i]).sorted().toArray();
    double[] shifts = new double[n];
    for (int k = 0; k < n; k++) {
      shifts[order[k]] = policy[order[k]] - sorted[k];
    }
    return shifts;
  }

  private static double[] margins(double[] logprobs, int n) {
    return IntStream.range(0, n).mapToDouble(i -> logprobs[2 * i] - logprobs[2 * i + 1]).toArray();
  }

  /// Adds the chosen answers' own loss to the weights.
  ///
  /// @return that loss, times α
  private double imitated(Scored step, double[] each) {
    if (alpha == 0) {
      return 0;
    }
    double sum = 0;
    long tokens = 0;
    for (int i = 0; i < each.length; i += 2) {
      sum += step.logprobs()[i];
      tokens += step.sequences().get(i).trainedTokens();
    }
    for (int i = 0; i < each.length; i += 2) {
      each[i] += alpha / Math.max(1, tokens);
    }
    return -alpha * sum / Math.max(1, tokens);
  }
}
