package dev.nudge;

import java.util.concurrent.CountDownLatch;

/// Waits where a test's callback may throw nothing that is checked.
public final class Latches {
  private Latches() {}

  /// Waits for a latch; an interrupt is a defect of the test.
  public static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
