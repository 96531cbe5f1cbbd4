package dev.nudge.data;

import java.nio.file.Path;
import java.util.BitSet;

/// Makes examples from token ids, for tests that need no text.
public final class Examples {
  private Examples() {}

  /// A sequence whose tokens from `firstTrained` on are trained.
  public static Example of(int[] ids, int firstTrained) {
    BitSet trained = new BitSet();
    trained.set(Math.max(1, firstTrained), ids.length);
    return new Example(ids, trained, new SourceLine(0, Path.of("test"), 1, ""));
  }
}
