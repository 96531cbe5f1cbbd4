package dev.nudge;

import java.util.Random;
import org.jspecify.annotations.Nullable;

/// Draws the seeds of random tests: a new one each time, printed, or the one in `NUDGE_SEED`.
public final class Seeds {
  static final String VARIABLE = "NUDGE_SEED";

  private Seeds() {}

  /// A seed; `NUDGE_SEED=123` before the test command repeats a run that failed with 123.
  public static long next() {
    long seed = of(System.getenv(VARIABLE), System.nanoTime());
    String test =
        StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE)
            .walk(
                frames ->
                    frames
                        .map(f -> f.getDeclaringClass())
                        .filter(c -> c != Seeds.class)
                        .findFirst())
            .map(Class::getSimpleName)
            .orElse("test");
    System.out.println(test + ": " + VARIABLE + "=" + seed);
    return seed;
  }

  /// Random numbers from [#next].
  public static Random random() {
    return new Random(next());
  }

  static long of(@Nullable String given, long drawn) {
    if (given == null || given.isBlank()) {
      return drawn;
    }
    try {
      return Long.parseLong(given.strip());
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(VARIABLE + " is '" + given + "'; it must be a seed", e);
    }
  }
}
