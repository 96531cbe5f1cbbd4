package dev.nudge.generate;

import java.util.Arrays;
import java.util.function.DoubleConsumer;

/// The inter-token latencies of an answer, in seconds, in order.
///
/// Threading: filled by one thread; those who get it from [Usage] only read it.
public final class Gaps {
  private float[] seconds = {};
  private int count;

  /// Makes an empty list.
  public Gaps() {}

  void add(double gap) {
    if (count == seconds.length) {
      seconds = Arrays.copyOf(seconds, Math.max(16, 2 * count));
    }
    seconds[count++] = (float) gap;
  }

  /// Appends the latencies of another answer.
  public void addAll(Gaps other) {
    other.forEach(this::add);
  }

  /// Number of latencies: one less than an answer has tokens.
  public int count() {
    return count;
  }

  /// Sum of the latencies, in seconds.
  public double sum() {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += seconds[i];
    }
    return sum;
  }

  /// Passes each latency to `told`.
  public void forEach(DoubleConsumer told) {
    for (int i = 0; i < count; i++) {
      told.accept(seconds[i]);
    }
  }
}
