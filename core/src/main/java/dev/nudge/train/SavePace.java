package dev.nudge.train;

import java.util.function.LongSupplier;

/// Says when a run that was told no `--save-steps` saves: never in its first three minutes, and so
/// seldom that saves take at most a twentieth of its time.
///
/// A save that took c seconds lets the next one begin 19 · c after its end, and no earlier than
/// three minutes. Before one was timed, c is guessed from the bytes of a checkpoint. A save is
/// written beside the next step, so c is more than the run waits for it; but what writes, and what
/// computes digests of it, takes processors from the step.
///
/// Threading: confined to the run's thread, but for the work that is timed, whose end the run
/// awaits before it asks again.
final class SavePace {
  private static final long LEAST_NANOS = 180_000_000_000L;
  private static final int SHARE = 20; // of the time
  private static final double GUESSED_BYTES_PER_NANO = 0.4; // a disk of 400 MB/s

  private final LongSupplier clock; // nanoseconds
  private long endedAt;
  private long nanos;

  /// @param bytes of a checkpoint
  SavePace(long bytes, LongSupplier clock) {
    this.clock = clock;
    this.nanos = (long) (bytes / GUESSED_BYTES_PER_NANO);
    ended();
  }

  /// The same work, timed where it does not fail.
  Runnable timed(Runnable save) {
    return () -> {
      long start = clock.getAsLong();
      save.run();
      nanos = clock.getAsLong() - start;
    };
  }

  /// Notes that a save has ended.
  void ended() {
    endedAt = clock.getAsLong();
  }

  /// Whether the next save is due.
  boolean isDue() {
    return clock.getAsLong() - endedAt >= Math.max(LEAST_NANOS, (SHARE - 1) * nanos);
  }
}
