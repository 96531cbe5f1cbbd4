package dev.nudge.data.tokens;

import dev.nudge.data.rows.SourceLine;
import java.nio.file.Path;
import java.util.BitSet;

/// Makes examples from token ids, for tests that need no text.
public final class Examples {
  private Examples() {}

  /// A sequence whose tokens from `firstTrained` on are trained.
  public static Example of(int[] ids, int firstTrained) {
    return of(ids, firstTrained, 0);
  }

  /// The same, with the number that its row gives it.
  public static Example of(int[] ids, int firstTrained, double value) {
    BitSet trained = new BitSet();
    trained.set(Math.max(1, firstTrained), ids.length);
    return new Example(new Sequence(ids, trained, null, value, null), line());
  }

  /// A sequence whose tokens count what their weights say; one that weighs 0 is not trained.
  public static Example of(int[] ids, double[] weights) {
    BitSet trained = new BitSet();
    for (int i = 1; i < ids.length; i++) {
      trained.set(i, weights[i] > 0);
    }
    return new Example(new Sequence(ids, trained, weights, 0, null), line());
  }

  private static SourceLine line() {
    return new SourceLine(0, Path.of("test"), 1, "");
  }
}
