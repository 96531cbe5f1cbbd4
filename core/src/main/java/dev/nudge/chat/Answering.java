package dev.nudge.chat;

import dev.nudge.generate.Serving;
import dev.nudge.generate.Usage;
import dev.nudge.tensor.Threads;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/// An answer under way, whose end is told by a virtual thread.
final class Answering implements Assistant.Running {
  private final Serving.Running running;
  private final CountDownLatch told = new CountDownLatch(1);
  private volatile @Nullable Throwable failure; // of the listener

  private Answering(Serving.Running running) {
    this.running = running;
  }

  static Answering of(Serving.Running running, Told told) {
    Answering answering = new Answering(running);
    Thread.ofVirtual().name("nudge-answer").start(() -> answering.end(told));
    return answering;
  }

  private void end(Told listener) {
    try {
      Usage usage;
      try {
        usage = running.await();
      } catch (RuntimeException e) {
        listener.end(e);
        return;
      }
      listener.end(usage);
    } catch (RuntimeException | Error e) {
      failure = e;
    } finally {
      told.countDown();
    }
  }

  @Override
  public void cancel() {
    running.cancel();
  }

  @Override
  public void await() {
    Threads.await(told, running::cancel);
    Throwable what = failure;
    if (what != null) {
      Threads.rethrow(what, "the listener of an answer failed");
    }
  }
}
