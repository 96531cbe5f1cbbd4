package dev.nudge.engine;

import dev.nudge.tensor.Threads;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/// What an engine was asked for: a sequence, an embedding, scores of rows.
///
/// Threading: any thread.
public final class Ticket {
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Runnable wake;
  private volatile boolean cancelled;
  private volatile @Nullable Throwable failure;

  Ticket(Runnable wake) {
    this.wake = wake;
  }

  /// Asks for the end of the sequence; it comes with the step that is under way, and its caller is
  /// not asked after that.
  public void cancel() {
    cancelled = true;
    wake.run();
  }

  boolean cancelled() {
    return cancelled;
  }

  /// Whether the sequence has ended.
  private boolean ended() {
    return ended.getCount() == 0;
  }

  /// Ends it; the first end counts.
  void end(@Nullable Throwable cause) {
    if (!ended()) {
      failure = cause;
      ended.countDown();
    }
  }

  /// Waits for the end of the sequence. An interrupt of this thread cancels it; the thread is
  /// interrupted again.
  ///
  /// @throws RuntimeException what the caller or the engine failed with
  public void await() {
    boolean interrupted = false;
    while (true) {
      try {
        ended.await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
        cancel();
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    Threads.rethrow(failure, "a sequence failed");
  }
}
