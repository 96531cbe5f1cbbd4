package dev.nudge.train.checkpoint;

import java.util.function.LongSupplier;

/// Decides when to save without `--save-steps`. The first save is after three minutes, and saves
/// are so rare that they take at most a twentieth of the time.
///
/// After a save that took c seconds, the next one starts 19 · c after its end, and no earlier than
/// three minutes. Before the first save, c is estimated from the bytes of a checkpoint. A save is
/// written during the next step, so the run waits less than c; but writing and digests take
/// processors from the step.
///
/// Threading: confined to the run's thread, except for the timed job, whose end the run awaits
/// before it asks again.
public final class SavePace {
  private static final long LEAST_NANOS = 180_000_000_000L;
  private static final int SHARE = 20; // saves take at most 1/20 of the time
  private static final double GUESSED_BYTES_PER_NANO = 0.4; // a disk of 400 MB/s

  private final LongSupplier clock; // nanoseconds
  private long endedAt;
  private long nanos;

  /// @param bytes of a checkpoint
  public SavePace(long bytes, LongSupplier clock) {
    this.clock = clock;
    this.nanos = (long) (bytes / GUESSED_BYTES_PER_NANO);
    ended();
  }

  /// Returns the same job with a timer; failures are not timed.
  public Runnable timed(Runnable save) {
    return () -> {
      long start = clock.getAsLong();
      save.run();
      nanos = clock.getAsLong() - start;
    };
  }

  /// Notes that a save has ended.
  public void ended() {
    endedAt = clock.getAsLong();
  }

  /// Whether the next save is due.
  public boolean isDue() {
    return clock.getAsLong() - endedAt >= Math.max(LEAST_NANOS, (SHARE - 1) * nanos);
  }
}
