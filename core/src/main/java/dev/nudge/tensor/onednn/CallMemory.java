package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Thread-local memory for arguments and results of oneDNN calls; the next call overwrites it.
///
/// An [Arena#ofConfined()] for each call would slow down code far from here. Every memory access
/// checks whether its arena belongs to one thread. As long as no confined arena exists in the
/// process, the JVM compiles that check away; else the check stays in all vector loops, and the
/// compiler makes a second copy of each loop: 50 % more code to compile before the first step.
///
/// Threading: [#own] returns the calling thread's memory.
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

  /// The pointer that the last call returned.
  long made() {
    return out.get(JAVA_LONG, 0);
  }
}
