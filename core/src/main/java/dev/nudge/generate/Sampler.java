package dev.nudge.generate;

import dev.nudge.settings.SamplingSettings;
import dev.nudge.tensor.Tensor;
import java.util.Arrays;

/// Chooses the next token from a row of logits.
///
/// In the order of transformers: the repetition penalty (logits of tokens already there are
/// divided by it where positive, multiplied where negative), then with a temperature above 0
/// the logits are divided by it, cut to the `topK` largest, to the smallest set that holds
/// `topP` of the probability, and to those with at least `minP` of the largest probability; one
/// of what is left is drawn. Draws come from a counter: seed, sequence and place, so a
/// sequence's text does not depend on what else is in its batch.
///
/// Threading: confined to one thread.
final class Sampler {
  private final SamplingSettings settings;
  private double[] logits = new double[0];
  private Integer[] order = new Integer[0];
  private double[] p = new double[0];

  Sampler(SamplingSettings settings) {
    this.settings = settings;
  }

  /// @param rows logits (sequences, vocabulary)
  /// @param row which sequence's
  /// @param history all tokens of the sequence so far
  /// @param count how many of `history` are filled
  /// @param sequence number of the sequence, for its draws
  int next(Tensor rows, int row, int[] history, int count, long sequence) {
    read(rows, row, history, count);
    return settings.temperature() == 0 ? argmax() : draw(uniform(sequence, count));
  }

  /// Returns what each token is drawn with, likewise; for tests.
  double[] probabilities(Tensor rows, int row, int[] history, int count) {
    read(rows, row, history, count);
    double[] all = new double[logits.length];
    int kept = candidates();
    double sum = Arrays.stream(p, 0, kept).sum();
    for (int i = 0; i < kept; i++) {
      all[order[i]] = p[i] / sum;
    }
    return all;
  }

  private void read(Tensor rows, int row, int[] history, int count) {
    int vocabulary = rows.cols();
    if (logits.length != vocabulary) {
      logits = new double[vocabulary];
    }
    for (int i = 0; i < vocabulary; i++) {
      logits[i] = rows.get(row, i);
    }
    penalise(history, count);
  }

  private void penalise(int[] history, int count) {
    double penalty = settings.repetitionPenalty();
    if (penalty == 1) {
      return;
    }
    for (int id : Arrays.stream(history, 0, count).distinct().toArray()) {
      logits[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
    }
  }

  private int argmax() {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best;
  }

  private int draw(double u) {
    int kept = candidates();
    double left = 0;
    for (int i = 0; i < kept; i++) {
      left += p[i];
    }
    double at = u * left;
    for (int i = 0; i < kept; i++) {
      at -= p[i];
      if (at < 0) {
        return order[i];
      }
    }
    return order[kept - 1];
  }

  /// Sorts the tokens that may be drawn to the front of `order`, the likeliest first, and puts what
  /// each weighs into `p`.
  ///
  /// @return their number
  private int candidates() {
    int n = logits.length;
    if (order.length != n) {
      order = new Integer[n];
      p = new double[n];
    }
    for (int i = 0; i < n; i++) {
      order[i] = i;
    }
    Arrays.sort(order, (a, b) -> Double.compare(logits[b], logits[a])); // stable: ties by id
    int kept = settings.topK() > 0 ? Math.min(settings.topK(), n) : n;
    double top = logits[order[0]];
    double sum = 0;
    for (int i = 0; i < kept; i++) {
      p[i] = Math.exp((logits[order[i]] - top) / settings.temperature());
      sum += p[i];
    }
    return cut(kept, sum);
  }

  /// How many of the sorted probabilities stay after top-p and min-p; at least 1.
  private int cut(int kept, double sum) {
    double before = 0;
    double largest = p[0];
    int stay = 0;
    while (stay < kept
        && (stay == 0
            || (before < settings.topP() * sum && p[stay] >= settings.minP() * largest))) {
      before += p[stay++];
    }
    return stay;
  }

  /// A number in [0, 1) from seed, sequence and place.
  private double uniform(long sequence, int place) {
    long z = mix(settings.seed() + 0x9E3779B97F4A7C15L);
    z = mix(z + sequence * 0x9E3779B97F4A7C15L + 1);
    z = mix(z + place * 0x9E3779B97F4A7C15L + 1);
    return (z >>> 11) * 0x1.0p-53;
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
