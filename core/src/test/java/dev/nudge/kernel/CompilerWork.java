package dev.nudge.kernel;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import javax.management.JMException;
import javax.management.ObjectName;

/// Repeats a call until compiled code runs it, counted in calls while the JVM's compilers had
/// nothing to do: neither a slow machine nor a long queue of the compilers decides.
public final class CompilerWork {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final int PIECE = 100;
  private static final int MOST = 30_000; // the highest threshold of a compilation is 15,000 calls

  private CompilerWork() {}

  /// Calls until `quiet` calls in a row allocated at most so many bytes each, or until more calls
  /// than any compilation needs have run beside idle compilers.
  ///
  /// @return the quiet calls in a row at the end, fewer than `quiet` if it gave up
  public static int quietCalls(int quiet, long mostBytes, Runnable call) {
    int inRow = 0;
    for (int beside = 0; beside < MOST; ) {
      for (int i = 0; i < PIECE; i++) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        call.run();
        inRow = THREADS.getCurrentThreadAllocatedBytes() - before <= mostBytes ? inRow + 1 : 0;
        if (inRow == quiet) {
          return quiet;
        }
      }
      beside += idle() ? PIECE : 0;
    }
    return inRow;
  }

  /// Whether no method is compiled or waits for it.
  private static boolean idle() {
    try {
      String queue =
          (String)
              ManagementFactory.getPlatformMBeanServer()
                  .invoke(
                      new ObjectName("com.sun.management:type=DiagnosticCommand"),
                      "compilerQueue",
                      null,
                      null);
      return queue
          .lines()
          .allMatch(line -> line.isBlank() || line.equals("Empty") || line.strip().endsWith(":"));
    } catch (JMException e) {
      throw new IllegalStateException(e);
    }
  }
}
