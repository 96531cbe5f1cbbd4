package dev.nudge.train;

import dev.nudge.model.family.ModelConfig;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/// Detects routers that collapse, by the effective number of experts of each step's least even
/// layer ([ExpertUse]); warns once.
///
/// A router collapses if the mean over a window of steps is below half of the first window's, or
/// has all but reached k, where every token goes to the same k experts.
final class RouterCheck {
  private static final double NEAR = 0.05; // of the way from k to all experts
  private static final int LEAST = 4; // choices of a step for each expert

  private final int experts;
  private final int chosen;
  private final int window; // steps
  private final Deque<Double> latest = new ArrayDeque<>();
  private double first = Double.NaN;
  private boolean told;

  /// @param experts of a layer
  /// @param chosen of each token
  RouterCheck(int experts, int chosen, int steps) {
    this.experts = experts;
    this.chosen = chosen;
    this.window = Math.clamp(steps / 10, 5, 20);
  }

  static RouterCheck of(ModelConfig config, int steps) {
    int experts = IntStream.of(config.experts()).max().orElse(0);
    return new RouterCheck(experts, config.chosenExperts(), steps);
  }

  /// Checks a step's figures, and returns warnings.
  List<String> take(int step, long tokens, Map<String, Double> figures) {
    Double effective = figures.get(ExpertUse.EFFECTIVE);
    if (effective == null || told || tokens * chosen < (long) LEAST * experts) {
      return List.of();
    }
    latest.add(effective);
    if (latest.size() < window) {
      return List.of();
    }
    double mean = latest.stream().mapToDouble(d -> d).average().orElseThrow();
    latest.removeFirst();
    first = Double.isNaN(first) ? mean : first;
    boolean all = experts > chosen && mean < chosen + NEAR * (experts - chosen);
    if (mean >= first / 2 && !all) {
      return List.of();
    }
    told = true;
    return List.of(
        String.format(
            Locale.ROOT,
            "the router of a layer collapses at step %d: its tokens go to experts as uneven as %.1f"
                + " of %d (%.1f at first); raise --router-aux-loss-coef, lower --learning-rate, or"
                + " leave gate out of --targets (nudge runs show has each layer)",
            step,
            mean,
            experts,
            first));
  }
}
