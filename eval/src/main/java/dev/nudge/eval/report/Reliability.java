package dev.nudge.eval.report;

import dev.nudge.eval.metric.Calibration;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.eval.run.TaskScores.Scored;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Reliability of a model's confidence in multiple-choice answers, in ten bins of equal width.
///
/// The probabilities are the softmax of the choices' log-likelihoods.
///
/// @param documents documents with at least two choices, one right, and finite log-likelihoods
public record Reliability(int documents, double ece, List<Calibration.Bin> bins) {
  private static final int BINS = 10;

  /// Computes it over the first filter's documents; null if none has probabilities.
  public static @Nullable Reliability of(TaskScores task) {
    List<double[]> chances = new ArrayList<>();
    List<Integer> golds = new ArrayList<>();
    for (Scored scored : task.samples()) {
      if (!scored.filter().equals(task.samples().getFirst().filter())) {
        break;
      }
      double[] own = chances(scored);
      int gold = scored.sample().goldPlace();
      if (own.length > 1 && gold >= 0) {
        chances.add(own);
        golds.add(gold);
      }
    }
    if (chances.isEmpty()) {
      return null;
    }
    Calibration calibration =
        Calibration.of(chances.toArray(double[][]::new), golds.stream().mapToInt(i -> i).toArray());
    return new Reliability(chances.size(), calibration.ece(BINS), calibration.bins(BINS));
  }

  /// Returns the probability of each choice; empty if unknown.
  static double[] chances(Scored scored) {
    int n = scored.sample().choices().size();
    if (n == 0 || scored.filtered().size() < n) {
      return new double[0];
    }
    double[] logprobs = new double[n];
    double most = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      JsonNode logprob = scored.filtered().get(i).path(0);
      if (!logprob.isNumber() || !Double.isFinite(logprob.doubleValue())) {
        return new double[0];
      }
      logprobs[i] = logprob.doubleValue();
      most = Math.max(most, logprobs[i]);
    }
    double sum = 0;
    for (int i = 0; i < n; i++) {
      logprobs[i] = Math.exp(logprobs[i] - most);
      sum += logprobs[i];
    }
    for (int i = 0; i < n; i++) {
      logprobs[i] /= sum;
    }
    return logprobs;
  }
}
