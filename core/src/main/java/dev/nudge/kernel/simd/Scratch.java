package dev.nudge.kernel.simd;

import dev.nudge.kernel.AdamW8;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Holds the strips of one thread, and a row that grows to the longest one asked for.
///
/// About 40 KiB a thread, outside of the ledger: made by the first call, kept as long as the
/// thread. A thread that attends for single queries has up to some megabytes more, see
/// [VectorAttendOne].
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

  /// A block's places in a table, and what is looked for there.
  final int[] index = new int[AdamW8.BLOCK];

  final int[] order = new int[AdamW8.BLOCK];

  /// What rows side by side come to.
  final float[] sums = new float[VectorFewRows.SIDE];

  private float[] scales = new float[0];
  private MemorySegment row = allocate(Strip.BLOCK * 8L);
  private MemorySegment wide = MemorySegment.NULL;
  private MemorySegment parts = MemorySegment.NULL;

  private Scratch() {}

  /// The calling thread's scratch.
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

  /// At least `bytes` bytes beside those of [#row], content unspecified.
  MemorySegment wide(long bytes) {
    if (wide.byteSize() < bytes) {
      wide = allocate(Long.highestOneBit(bytes) * 2);
    }
    return wide;
  }

  /// At least `bytes` bytes beside those, content unspecified: what other threads write for this
  /// one.
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
