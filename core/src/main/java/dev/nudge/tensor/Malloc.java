package dev.nudge.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// Says which blocks of native memory go back to the system when they are freed.
///
/// glibc takes a large block from the system and gives it back when it is freed; but each time it
/// raises what it calls large, up to 32 MiB, and keeps smaller blocks in the arena of the thread
/// that asked. A run's lanes are threads of its own, so one run after the other left tens of MiB
/// behind, free and still held. A threshold that is set stays where it is: it is low, but for the
/// time of a [Kept].
///
/// oneDNN takes memory for each product of open sizes and frees it at its end, up to 768 bytes for
/// each key of attention. From the system it would come cleared, page by page, each time.
///
/// Nothing happens with another C library or without native access.
///
/// Threading: any thread.
public final class Malloc {
  private static final int TRIM_THRESHOLD = -1; // of mallopt: what an arena keeps at its end
  private static final int MMAP_THRESHOLD = -3; // of mallopt: blocks that are the system's
  private static final int LOW = 128 << 10; // glibc's own to begin with
  private static final int HIGH = 4 << 20;
  private static int holders;

  private Malloc() {}

  static synchronized void returnLargeBlocks() {
    if (holders == 0) {
      set(LOW);
    }
  }

  /// Has freed blocks stay with the process until it is closed: for work that takes and frees the
  /// same ones again and again, after what it takes only once.
  public static synchronized Kept keepBlocks() {
    if (holders++ == 0) {
      set(HIGH);
    }
    return new Kept();
  }

  /// Keeps freed blocks with the process while it is open.
  public static final class Kept implements AutoCloseable {
    private boolean open = true;

    private Kept() {}

    @Override
    public void close() {
      synchronized (Malloc.class) {
        if (open && --holders == 0) {
          set(LOW);
        }
        open = false;
      }
    }
  }

  private static void set(int bytes) {
    FunctionDescriptor type = FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT);
    Optional<MethodHandle> mallopt = NativeAccess.function("mallopt", type);
    if (mallopt.isEmpty()) {
      return;
    }
    try {
      // a refusal is no failure: memory is then kept a little longer, or cleared more often
      int ignored = (int) mallopt.get().invokeExact(MMAP_THRESHOLD, bytes);
      ignored = (int) mallopt.get().invokeExact(TRIM_THRESHOLD, bytes);
    } catch (Throwable e) {
      throw new IllegalStateException("mallopt cannot be called", e);
    }
  }
}
