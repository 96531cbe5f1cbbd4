package dev.nudge.bench.measure;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;

/// Selects wall time, or CPU time if other programs share the machine.
///
/// CPU time excludes waiting for other threads, so it flatters a step with uneven lanes; caches and
/// clock rate are still shared. Use it to develop on a busy machine; published numbers use wall
/// time. It needs one thread a lane: it misses threads that a library starts.
public enum Clock {
  WALL {
    @Override
    public long nanos() {
      return System.nanoTime();
    }

    @Override
    public double lanes(int lanes) {
      return System.nanoTime() / 1e9;
    }
  },
  CPU {
    @Override
    public long nanos() {
      return THREADS.getCurrentThreadCpuTime();
    }

    @Override
    public double lanes(int lanes) {
      long sum = 0;
      for (ThreadInfo thread : THREADS.getThreadInfo(THREADS.getAllThreadIds())) {
        if (thread != null && thread.getThreadName().startsWith("lane-")) {
          sum += Math.max(0, THREADS.getThreadCpuTime(thread.getThreadId()));
        }
      }
      return sum / 1e9 / lanes;
    }
  };

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  /// Returns the calling thread's nanoseconds.
  abstract long nanos();

  /// Returns the lanes' seconds from some start: for CPU their mean.
  public abstract double lanes(int lanes);
}
