package dev.nudge.tensor;

import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/// Waits for other threads uninterruptibly, and rethrows their failures.
public final class Threads {
  private Threads() {}

  /// Waits for the end of a thread. An interrupt of the caller does not end the wait, because the
  /// caller frees memory afterwards; the caller's interrupt flag is set again at the end.
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

  /// Waits for a latch. An interrupt of the caller does not end the wait; the caller's interrupt
  /// flag is set again at the end.
  ///
  /// @param interrupted callback at each interrupt, for example to ask the other thread to end
  public static void await(CountDownLatch latch, Runnable interrupted) {
    boolean wasInterrupted = false;
    while (true) {
      try {
        latch.await();
        break;
      } catch (InterruptedException e) {
        wasInterrupted = true;
        interrupted.run();
      }
    }
    if (wasInterrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /// Throws another thread's failure in this thread; does nothing if it is null.
  ///
  /// @param who message of the exception that wraps a checked exception
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
