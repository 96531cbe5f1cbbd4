package dev.nudge.train;

import org.jspecify.annotations.Nullable;

/// Does work that an interrupt must not break: a channel that an interrupted thread writes to is
/// closed, and what it was writing is lost.
final class Uninterrupted {
  private Uninterrupted() {}

  /// Runs `work` on a thread of its own and waits for it; an interrupt of the caller meanwhile is
  /// set again at the end.
  static void run(Runnable work) {
    Task own = new Task(work);
    Thread thread = new Thread(own, "nudge writes");
    thread.start();
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (own.failure instanceof RuntimeException e) {
      throw e;
    }
    if (own.failure instanceof Error e) {
      throw e;
    }
  }

  private static final class Task implements Runnable {
    private final Runnable work;
    private volatile @Nullable Throwable failure;

    Task(Runnable work) {
      this.work = work;
    }

    @Override
    public void run() {
      try {
        work.run();
      } catch (RuntimeException | Error e) {
        failure = e;
      }
    }
  }
}
