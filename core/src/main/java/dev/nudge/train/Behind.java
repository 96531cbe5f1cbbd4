package dev.nudge.train;

import dev.nudge.format.DiskRoom;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Threads;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Writes beside training, one piece of work at a time, and waits where the disk is full.
///
/// Work runs on a thread of its own, so an interrupt of the caller does not break it. Whoever wants
/// to change what it reads awaits it first.
///
/// Threading: confined to the run's thread.
final class Behind {
  private static final long LOOK_MILLIS = 100;

  private final Path out;
  private Duration patience;
  private final Consumer<String> warn;
  private final BooleanSupplier cancelled;
  private @Nullable Task task;

  /// @param out the folder that is written into, for messages
  /// @param patience how long a full disk is waited for
  /// @param warn told in one line when that begins, or of what fails and is unimportant
  /// @param cancelled asked while it is waited for; once true, it is no more
  Behind(Path out, Duration patience, Consumer<String> warn, BooleanSupplier cancelled) {
    this.out = out;
    this.patience = patience;
    this.warn = warn;
    this.cancelled = cancelled;
  }

  /// Begins work, which must leave nothing where it fails: it is made again when there is room.
  void begin(Runnable work) {
    await();
    Task own = new Task(work, patience, out);
    Thread thread = new Thread(own, "nudge writes");
    own.thread = thread;
    task = own;
    thread.start();
  }

  /// Waits for what was begun; at once where that is done.
  ///
  /// @throws RuntimeException what the work threw
  void await() {
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

  /// Does work that takes no time and that an interrupt does not break; elsewhere only where the
  /// disk is full.
  void line(Runnable work) {
    try {
      work.run();
    } catch (RuntimeException e) {
      if (!DiskRoom.isFull(e, out)) {
        throw e;
      }
      now(work);
    }
  }

  /// Does what no run fails for; where it fails that is told.
  void unimportant(Runnable work) {
    try {
      now(work);
    } catch (RunException | InputException e) {
      warn.accept(String.valueOf(e.getMessage()));
    }
  }

  /// Waits no more for a disk that is full.
  void hurry() {
    patience = Duration.ZERO;
  }

  /// Does work and waits for it.
  void now(Runnable work) {
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
