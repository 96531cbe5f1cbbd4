package dev.nudge.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;

/// Runs the same work on a fixed set of threads, one thread per lane, and waits for all of them.
///
/// A lane always has the same thread: native streams and OpenMP settings belong to threads. Lane
/// `i` always runs on thread `i`, so what a lane computes does not depend on timing.
///
/// Threading: one thread at a time calls [#run]; the work of lane `i` runs on lane `i`'s thread.
public final class Lanes implements AutoCloseable {
  private final List<ExecutorService> threads = new ArrayList<>();

  /// Starts `count` lanes.
  public Lanes(int count) {
    for (int i = 0; i < count; i++) {
      int lane = i;
      threads.add(
          Executors.newSingleThreadExecutor(
              r -> {
                Thread t = new Thread(r, "lane-" + lane);
                t.setDaemon(true);
                return t;
              }));
    }
  }

  public int count() {
    return threads.size();
  }

  /// Runs `work` once on every lane and returns the results in lane order; the first failure, in
  /// lane order, is thrown after all lanes have ended.
  ///
  /// An interrupt of the caller does not end the wait, because lanes compute on memory that the
  /// caller frees; the caller's interrupt flag is set again when they have ended.
  public <T> List<T> run(IntFunction<T> work) {
    return run(work, () -> {});
  }

  /// Runs `work` once on every lane, with a callback for interrupts, so that the caller can ask
  /// the lanes to end early.
  ///
  /// @param interrupted callback, run on the waiting thread at each of its interrupts
  public <T> List<T> run(IntFunction<T> work, Runnable interrupted) {
    List<Future<T>> futures = new ArrayList<>();
    for (int i = 0; i < threads.size(); i++) {
      int lane = i;
      futures.add(threads.get(i).submit(() -> work.apply(lane)));
    }
    List<T> results = new ArrayList<>();
    Throwable failure = null;
    boolean again = false;
    for (Future<T> f : futures) {
      again |= await(f, interrupted);
      if (f.state() == Future.State.SUCCESS) {
        results.add(f.resultNow());
      } else {
        failure = failure == null ? f.exceptionNow() : failure;
      }
    }
    if (again) {
      Thread.currentThread().interrupt();
    }
    Threads.rethrow(failure, "a lane failed");
    return results;
  }

  /// Waits for a lane.
  ///
  /// @return whether the caller was interrupted meanwhile
  private static boolean await(Future<?> lane, Runnable interrupted) {
    boolean wasInterrupted = false;
    while (true) {
      try {
        lane.get();
        return wasInterrupted;
      } catch (ExecutionException e) {
        return wasInterrupted; // the caller reads the failure from the future
      } catch (InterruptedException e) {
        wasInterrupted = true;
        interrupted.run();
      }
    }
  }

  @Override
  public void close() {
    for (ExecutorService t : threads) {
      t.shutdownNow();
    }
  }
}
