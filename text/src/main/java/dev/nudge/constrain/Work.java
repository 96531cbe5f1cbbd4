package dev.nudge.constrain;

import java.util.function.Supplier;

/// Counts the states, transitions and ranges that one compilation makes, dropped ones included, so
/// that a short pattern or schema cannot use up the memory of the process.
///
/// Threading: a compilation runs in one thread.
final class Work {
  /// A compilation of this size takes about a second and 60 MB.
  static final int MOST = 1_000_000;

  private static final ScopedValue<Work> CURRENT = ScopedValue.newInstance();

  private long done;

  /// Runs a compilation; it throws [TooLarge] if it makes more than [#MOST] parts.
  static <T> T limited(Supplier<T> compilation) {
    return ScopedValue.where(CURRENT, new Work()).call(compilation::get);
  }

  /// Counts parts that were made, if a compilation is running in this scope.
  static void add(long parts) {
    if (CURRENT.isBound()) {
      Work work = CURRENT.get();
      work.done += parts;
      if (work.done > MOST) {
        throw new TooLarge("%,d states and transitions".formatted(MOST));
      }
    }
  }

  /// Says that a constraint exceeds a limit; the compiler adds which constraint.
  static final class TooLarge extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// @param most the limit
    TooLarge(String most) {
      super(most, null, false, false);
    }
  }
}
