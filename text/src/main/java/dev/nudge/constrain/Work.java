package dev.nudge.constrain;

import java.util.function.Supplier;

/// Counts the states, transitions and ranges that one compilation makes, with all that it drops
/// again, so that a pattern or a schema of a few characters cannot take the memory of the process.
///
/// Threading: a compilation is one thread's.
final class Work {
  /// A compilation of this size takes about a second and 60 MB.
  static final int MOST = 1_000_000;

  private static final ScopedValue<Work> CURRENT = ScopedValue.newInstance();

  private long done;

  /// Runs a compilation; more than [#MOST] parts end it with [TooLarge].
  static <T> T limited(Supplier<T> compilation) {
    return ScopedValue.where(CURRENT, new Work()).call(compilation::get);
  }

  /// Counts parts that are made, if they are of a compilation.
  static void add(long parts) {
    if (CURRENT.isBound()) {
      Work work = CURRENT.get();
      work.done += parts;
      if (work.done > MOST) {
        throw new TooLarge("%,d states and transitions".formatted(MOST));
      }
    }
  }

  /// Says that a constraint needs more than is allowed; who compiles tells where.
  static final class TooLarge extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// @param most the limit
    TooLarge(String most) {
      super(most, null, false, false);
    }
  }
}
