package dev.nudge.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// Tunes glibc's malloc so that large freed blocks go back to the system (`mallopt`).
///
/// glibc maps a large block by itself and unmaps it when it is freed. But it then raises its
/// threshold for "large", up to 32 MiB, and keeps smaller blocks in the arena of the allocating
/// thread. Each run starts new lane threads, so each run left tens of MiB free but resident. A
/// threshold that is set explicitly does not rise: it is low, except while a [Retention] is open.
///
/// oneDNN allocates memory for each product with runtime dimensions and frees it afterwards, up to
/// 768 bytes for each key of attention. If that were mapped, the system would zero it page by page
/// each time.
///
/// Does nothing with another C library or without native access.
///
/// Threading: any thread.
public final class Malloc {
  private static final int TRIM_THRESHOLD = -1; // of mallopt: bytes kept free in an arena
  private static final int MMAP_THRESHOLD = -3; // of mallopt: size from which blocks are mapped
  private static final int LOW = 128 << 10; // glibc's initial threshold
  private static final int HIGH = 4 << 20;
  private static int holders;

  private Malloc() {}

  static synchronized void returnLargeBlocks() {
    if (holders == 0) {
      set(LOW);
    }
  }

  /// Keeps freed blocks in the process until the result is closed: for work that allocates and
  /// frees the same blocks repeatedly, after its one-time allocations.
  public static synchronized Retention keepBlocks() {
    if (holders++ == 0) {
      set(HIGH);
    }
    return new Retention();
  }

  /// Keeps freed blocks in the process while it is open.
  public static final class Retention implements AutoCloseable {
    private boolean open = true;

    private Retention() {}

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
      // a refusal is ignored: memory is then kept longer, or cleared more often
      int ignored = (int) mallopt.get().invokeExact(MMAP_THRESHOLD, bytes);
      ignored = (int) mallopt.get().invokeExact(TRIM_THRESHOLD, bytes);
    } catch (Throwable e) {
      throw new IllegalStateException("mallopt cannot be called", e);
    }
  }
}
