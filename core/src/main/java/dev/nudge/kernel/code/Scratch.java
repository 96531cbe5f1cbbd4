package dev.nudge.kernel.code;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// A thread's memory for sizes, scales and sums; it grows to the largest part.
final class Scratch {
  private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

  final MemorySegment shape = allocate(Shape.BYTES);
  final MemorySegment table = allocate(DotBlocks.TABLE);
  private MemorySegment sums = allocate(64);
  private MemorySegment scales = allocate(64);

  Scratch() {
    DotBlocks.constants(table);
  }

  static Scratch get() {
    return OF_THREAD.get();
  }

  MemorySegment sums(long bytes) {
    if (sums.byteSize() < bytes) {
      sums = allocate(Long.highestOneBit(bytes) * 2);
    }
    return sums;
  }

  MemorySegment scales(long bytes) {
    if (scales.byteSize() < bytes) {
      scales = allocate(Long.highestOneBit(bytes) * 2);
    }
    return scales;
  }

  private static MemorySegment allocate(long bytes) {
    return Arena.ofAuto().allocate(bytes, 64);
  }
}
