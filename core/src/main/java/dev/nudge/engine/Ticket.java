package dev.nudge.engine;

import dev.nudge.tensor.Threads;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/// A handle to work submitted to an engine (a sequence, an embedding or scores): wait or cancel.
///
/// Threading: any thread.
public final class Ticket {
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Runnable wake;
  private final long asked = System.nanoTime();
  private volatile long admitted;
  private volatile long first;
  private volatile int cached;
  private volatile boolean cancelled;
  private volatile @Nullable Throwable failure;

  Ticket(Runnable wake) {
    this.wake = wake;
  }

  /// Cancels the sequence. The step that is under way ends it, and its [Caller] chooses no
  /// token
  /// after that.
  public void cancel() {
    cancelled = true;
    wake.run();
  }

  boolean cancelled() {
    return cancelled;
  }

  /// Latencies of a sequence, in seconds since it was submitted.
  ///
  /// @param admitted until admission; the whole wait if it was never admitted
  /// @param first until the first token; the whole wait if there was none
  /// @param cached tokens of the prompt that were found in the prefix cache
  public record Times(double admitted, double first, int cached) {}

  /// The latencies so far.
  public Times times() {
    return new Times(since(admitted), since(first), cached);
  }

  private double since(long then) {
    return ((then == 0 ? System.nanoTime() : then) - asked) / 1e9;
  }

  void admit() {
    admitted = System.nanoTime();
  }

  void token() {
    if (first == 0) {
      first = System.nanoTime();
    }
  }

  void cached(int tokens) {
    cached = tokens;
  }

  /// Whether the sequence has ended.
  boolean ended() {
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
    Threads.await(ended, this::cancel);
    Threads.rethrow(failure, "a sequence failed");
  }
}
