package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Where a call of oneDNN reads sizes and leaves what it made: memory of each thread's own that
/// stays, so what a call left is read before the next.
///
/// Not from an [Arena#ofConfined()] a call, which would be slower far from here. Every access to
/// memory asks whether its arena belongs to one thread. While none in the process ever does, the
/// JVM compiles that question away; else it stays in all loops over vectors, and the compiler makes
/// a second copy of each loop for it: half as much again to compile before a first step.
///
/// Threading: [#own] gives a thread its own.
final class CallMemory {
  private static final int DIMS = 12; // DNNL_MAX_NDIMS
  private static final ThreadLocal<CallMemory> OWN = ThreadLocal.withInitial(CallMemory::new);

  final MemorySegment out;
  final MemorySegment dims;
  final MemorySegment strides;

  private CallMemory() {
    Arena arena = Arena.ofAuto();
    out = arena.allocate(ADDRESS);
    dims = arena.allocate(JAVA_LONG, DIMS);
    strides = arena.allocate(JAVA_LONG, DIMS);
  }

  static CallMemory own() {
    return OWN.get();
  }

  /// The pointer that the last call left.
  long made() {
    return out.get(JAVA_LONG, 0);
  }
}
