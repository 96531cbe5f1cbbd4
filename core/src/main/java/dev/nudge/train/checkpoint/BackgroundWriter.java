package dev.nudge.train.checkpoint;

import dev.nudge.format.DiskRoom;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Threads;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Writes files in the background of training, one job at a time; retries while the disk is full.
///
/// Jobs run on a thread of their own, so an interrupt of the caller does not break them. Before
/// changing data that a job reads, call [#await].
///
/// A checkpoint is written from masters and moments themselves while the next step runs: nothing
/// changes them before its update, so a copy would take memory and save no time.
///
/// Threading: confined to the run's thread.
public final class BackgroundWriter {
  private static final long LOOK_MILLIS = 100;

  private final Path out;
  private Duration patience;
  private final Consumer<String> warn;
  private final BooleanSupplier cancelled;
  private @Nullable Task task;

  /// @param out the folder that is written into, for messages
  /// @param patience how long to wait for space on a full disk
  /// @param warn receives one line when such a wait begins, or when an unimportant job fails
  /// @param cancelled asked during such a wait; once true, the wait ends
  public BackgroundWriter(
      Path out, Duration patience, Consumer<String> warn, BooleanSupplier cancelled) {
    this.out = out;
    this.patience = patience;
    this.warn = warn;
    this.cancelled = cancelled;
  }

  /// Starts a job. A failed job must leave no files: it is repeated when the disk has space.
  public void begin(Runnable work) {
    await();
    Task own = new Task(work, patience, out);
    Thread thread = new Thread(own, "nudge writes");
    own.thread = thread;
    task = own;
    thread.start();
  }

  /// Waits for the job that was started; returns at once if it is done.
  ///
  /// @throws RuntimeException thrown by the work
  public void await() {
    Task own = task;
    if (own == null) {
      return;
    }
    task = null;
    boolean interrupted = false;
    boolean told = false;
    while (own.thread != null && own.thread.isAlive()) {
      try {
        own.thread.join(LOOK_MILLIS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
      if (own.waits && !told) {
        told = true;
        warn.accept(
            "the disk of %s is full; make room: the run waits up to %d s (--disk-wait) and then ends, its last checkpoint kept"
                .formatted(out, patience.toSeconds()));
      }
      own.patient = !interrupted && !(own.waits && cancelled.getAsBoolean());
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    own.rethrow();
  }

  /// Runs a quick job on the caller's thread; on the background thread only if the disk is full.
  public void line(Runnable work) {
    try {
      work.run();
    } catch (RuntimeException e) {
      if (!DiskRoom.isFull(e, out)) {
        throw e;
      }
      now(work);
    }
  }

  /// Runs a job whose failure is only a warning.
  public void unimportant(Runnable work) {
    try {
      now(work);
    } catch (RunException | InputException e) {
      warn.accept(String.valueOf(e.getMessage()));
    }
  }

  /// Stops waiting for a full disk.
  public void hurry() {
    patience = Duration.ZERO;
  }

  /// Runs a job and waits for it.
  public void now(Runnable work) {
    begin(work);
    await();
  }

  private static final class Task implements Runnable {
    private final Runnable work;
    private final Duration patience;
    private final Path out;
    private @Nullable Thread thread;
    private volatile boolean waits;
    private volatile boolean patient = true;
    private volatile @Nullable Throwable failure;

    Task(Runnable work, Duration patience, Path out) {
      this.work = work;
      this.patience = patience;
      this.out = out;
    }

    @Override
    public void run() {
      long end = 0;
      long pause = LOOK_MILLIS;
      while (true) {
        try {
          work.run();
          return;
        } catch (RuntimeException | Error e) {
          end = waits ? end : System.nanoTime() + patience.toNanos(); // from the first refusal
          if (!DiskRoom.isFull(e, out) || !patient || System.nanoTime() >= end) {
            failure = e;
            return;
          }
        }
        waits = true;
        try {
          Thread.sleep(pause);
        } catch (InterruptedException e) {
          patient = false;
        }
        pause = Math.min(2 * pause, 5_000);
      }
    }

    private void rethrow() {
      Threads.rethrow(failure, "writing behind failed");
    }
  }
}
