package dev.nudge.generate;

import dev.nudge.settings.verb.SamplingSettings;
import java.util.Arrays;

/// The rule of [Sampler] written down plainly: all of the vocabulary is sorted. Of what changes
/// logits it knows the repetition penalty only.
final class PlainSampler {
  private final SamplingSettings settings;
  private double[] logits = {};
  private Integer[] order = {};
  private double[] p = {};

  PlainSampler(SamplingSettings settings) {
    this.settings = settings;
  }

  int next(double[] row, int[] history, int count, long sequence) {
    penalise(row, history, count);
    if (settings.temperature() == 0) {
      int best = 0;
      for (int i = 1; i < logits.length; i++) {
        best = logits[i] > logits[best] ? i : best;
      }
      return best;
    }
    int kept = candidates();
    double at = uniform(sequence, count) * Arrays.stream(p, 0, kept).sum();
    for (int i = 0; i < kept; i++) {
      at -= p[i];
      if (at < 0) {
        return order[i];
      }
    }
    return order[kept - 1];
  }

  double[] probabilities(double[] row, int[] history, int count) {
    penalise(row, history, count);
    double[] all = new double[logits.length];
    int kept = candidates();
    double sum = Arrays.stream(p, 0, kept).sum();
    for (int i = 0; i < kept; i++) {
      all[order[i]] = p[i] / sum;
    }
    return all;
  }

  private void penalise(double[] row, int[] history, int count) {
    logits = row.clone();
    double penalty = settings.repetitionPenalty();
    for (int id : Arrays.stream(history, 0, count).distinct().toArray()) {
      logits[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
    }
  }

  private int candidates() {
    int n = logits.length;
    order = new Integer[n];
    p = new double[n];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, (a, b) -> Double.compare(logits[b], logits[a])); // stable: ties by id
    int kept = settings.topK() > 0 ? Math.min(settings.topK(), n) : n;
    double sum = 0;
    for (int i = 0; i < kept; i++) {
      p[i] = Math.exp((logits[order[i]] - logits[order[0]]) / settings.temperature());
      sum += p[i];
    }
    double before = 0;
    int stay = 0;
    while (stay < kept
        && (stay == 0 || before < settings.topP() * sum && p[stay] >= settings.minP() * p[0])) {
      before += p[stay++];
    }
    return stay;
  }

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
