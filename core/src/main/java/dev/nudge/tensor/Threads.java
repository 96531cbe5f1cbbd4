package dev.nudge.tensor;

import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/// What waiting for another thread takes: its end, and what it failed with.
public final class Threads {
  private Threads() {}

  /// Waits for the end of a thread. An interrupt of the caller does not end the wait, because
  /// memory is freed behind it; the caller is interrupted again then.
  public static void join(Thread thread) {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /// Waits for a latch. An interrupt of the caller does not end the wait; the caller is interrupted
  /// again then.
  ///
  /// @param interrupted done at each interrupt, such as asking for the end
  public static void await(CountDownLatch latch, Runnable interrupted) {
    boolean again = false;
    while (true) {
      try {
        latch.await();
        break;
      } catch (InterruptedException e) {
        again = true;
        interrupted.run();
      }
    }
    if (again) {
      Thread.currentThread().interrupt();
    }
  }

  /// Throws what another thread failed with; does nothing where it is null.
  ///
  /// @param who the message around a checked exception
  public static void rethrow(@Nullable Throwable failure, String who) {
    if (failure instanceof RuntimeException e) {
      throw e;
    }
    if (failure instanceof Error e) {
      throw e;
    }
    if (failure != null) {
      throw new IllegalStateException(who, failure);
    }
  }
}
