package dev.nudge;

import org.jspecify.annotations.Nullable;

/// Draws the seeds of tests whose numbers are new in every run.
///
/// A seed is printed as it is drawn, with the class that asked: `NUDGE_SEED=… mvn test
/// -Dtest=ThatClass` repeats what it drew.
public final class Seeds {
  static final String VARIABLE = "NUDGE_SEED";
  private static final StackWalker CALLERS =
      StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE);

  private Seeds() {}

  /// A new seed, or the one that `NUDGE_SEED` holds.
  public static long fresh() {
    long seed = of(System.getenv(VARIABLE), System.nanoTime());
    System.out.println(CALLERS.getCallerClass().getSimpleName() + ": " + VARIABLE + "=" + seed);
    return seed;
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
