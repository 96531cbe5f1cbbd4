package dev.nudge.bench.measure;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;

/// Says what time is: the wall's, or the processor's where other programs run beside.
///
/// Processor time leaves out what a thread waits for others, so it flatters a step whose lanes are
/// uneven; caches and clock rate are still shared. It is for developing on a busy machine; numbers
/// that are published are the wall's. It needs one thread a lane: those that a library starts by
/// itself are not seen.
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

  /// Nanoseconds of the calling thread, from some start.
  abstract long nanos();

  /// Seconds of all lanes together, from some start: their mean of processor time.
  public abstract double lanes(int lanes);
}
