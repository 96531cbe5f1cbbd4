package dev.nudge.generate;

import java.util.Arrays;
import java.util.function.DoubleConsumer;

/// The times between one token of an answer and the next, in seconds, in the order in which they
/// came.
///
/// Threading: filled by one thread; whoever has it from [Usage] only reads it.
public final class Gaps {
  private float[] seconds = {};
  private int count;

  /// None yet.
  public Gaps() {}

  void add(double gap) {
    if (count == seconds.length) {
      seconds = Arrays.copyOf(seconds, Math.max(16, 2 * count));
    }
    seconds[count++] = (float) gap;
  }

  /// Adds all of another answer.
  public void addAll(Gaps other) {
    other.forEach(this::add);
  }

  /// How many there are: one less than an answer has tokens.
  public int count() {
    return count;
  }

  /// All of them together.
  public double sum() {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += seconds[i];
    }
    return sum;
  }

  /// Tells each.
  public void forEach(DoubleConsumer told) {
    for (int i = 0; i < count; i++) {
      told.accept(seconds[i]);
    }
  }
}
