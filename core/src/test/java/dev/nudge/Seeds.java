package dev.nudge;

import java.util.Random;

/// Draws the seeds of random tests: a new one each time, printed, or the one in `NUDGE_SEED`.
public final class Seeds {
  private Seeds() {}

  /// A seed; `NUDGE_SEED=123` before the test command repeats a run that failed with 123.
  public static long next() {
    String given = System.getenv("NUDGE_SEED");
    long seed =
        given == null || given.isBlank() ? System.nanoTime() : Long.parseLong(given.strip());
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
    System.out.println(test + ": NUDGE_SEED=" + seed);
    return seed;
  }

  /// Random numbers from [#next].
  public static Random random() {
    return new Random(next());
  }
}
