package dev.nudge.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// Has large blocks of native memory go back to the system when they are freed, and no others.
///
/// glibc takes a large block from the system and gives it back when it is freed; but each time it
/// raises what it calls large, up to 32 MiB, and keeps smaller blocks in the arena of the thread
/// that asked. A run's lanes are threads of its own, so one run after the other left tens of MiB
/// behind, free and still held. A threshold that is set stays where it is.
///
/// It lies above what oneDNN takes for a product and frees at its end, up to 768 bytes a key of
/// attention: those blocks have to stay, because the system clears every page that it gives.
///
/// Nothing happens with another C library or without native access.
final class Malloc {
  private static final int TRIM_THRESHOLD = -1; // of mallopt: what an arena keeps at its end
  private static final int MMAP_THRESHOLD = -3; // of mallopt: blocks that are the system's
  private static final int LARGE = 8 << 20;

  private Malloc() {}

  static void returnLargeBlocks() {
    FunctionDescriptor type = FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT);
    Optional<MethodHandle> mallopt = NativeAccess.function("mallopt", type);
    if (mallopt.isEmpty()) {
      return;
    }
    try {
      // a refusal is no failure: memory is then kept a little longer
      int ignored = (int) mallopt.get().invokeExact(MMAP_THRESHOLD, LARGE);
      ignored = (int) mallopt.get().invokeExact(TRIM_THRESHOLD, LARGE);
    } catch (Throwable e) {
      throw new IllegalStateException("mallopt cannot be called", e);
    }
  }
}
