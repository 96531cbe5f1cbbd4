package dev.nudge.kernel.simd;

import dev.nudge.kernel.AdamW8;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Holds a thread's scratch memory: strips, and a row that grows to the longest requested.
///
/// About 40 KiB a thread, not counted in the ledger: the first call allocates it for the thread's
/// life. A decoding thread uses up to some megabytes more, see [VectorAttendOne].
final class Scratch {
  private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

  final Strip a = strip();
  final Strip b = strip();
  final Strip c = strip();
  final Strip d = strip();
  final Strip e = strip();
  final Strip f = strip();

  /// A strip's moments, decoded.
  final float[] first = new float[Strip.BLOCK];

  final float[] second = new float[Strip.BLOCK];

  /// Indices of a block's numbers in a table, and the looked-up values.
  final int[] index = new int[AdamW8.BLOCK];

  final int[] order = new int[AdamW8.BLOCK];

  /// Dot products of the rows computed together; vectors, before [Sums#lanes(float[])] adds their
  /// lanes.
  final float[] sums = new float[VectorSkinnyProduct.SIDE * Species.LANES];

  private float[] scales = new float[0];
  private MemorySegment row = allocate(Strip.BLOCK * 8L);
  private MemorySegment wide = MemorySegment.NULL;
  private MemorySegment parts = MemorySegment.NULL;

  private Scratch() {}

  /// Returns the thread's scratch.
  static Scratch get() {
    return OF_THREAD.get();
  }

  /// At least `bytes` bytes, content unspecified.
  MemorySegment row(long bytes) {
    if (row.byteSize() < bytes) {
      row = allocate(Long.highestOneBit(bytes) * 2);
    }
    return row;
  }

  /// At least `bytes` bytes apart from [#row]'s, content unspecified.
  MemorySegment wide(long bytes) {
    if (wide.byteSize() < bytes) {
      wide = allocate(Long.highestOneBit(bytes) * 2);
    }
    return wide;
  }

  /// At least `bytes` bytes apart from the other methods', content unspecified: other threads write
  /// this thread's results into them.
  MemorySegment parts(long bytes) {
    if (parts.byteSize() < bytes) {
      parts = allocate(Long.highestOneBit(bytes) * 2);
    }
    return parts;
  }

  /// At least `n` floats, content unspecified.
  float[] scales(int n) {
    if (scales.length < n) {
      scales = new float[n];
    }
    return scales;
  }

  private static Strip strip() {
    return new Strip(allocate(Strip.BLOCK * 4L));
  }

  private static MemorySegment allocate(long bytes) {
    return Arena.ofAuto().allocate(bytes, 64);
  }
}
