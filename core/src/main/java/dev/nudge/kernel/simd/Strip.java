package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// Presents a piece of a row as floats in whole vectors, whatever its type and alignment.
///
/// A row is processed in pieces of [#piece] columns: as many whole vectors as fit into [#BLOCK],
/// and a last piece shorter than one vector. Whole vectors of F32 are used in place; BF16 and F16
/// are converted into the strip's scratch, and a last piece is copied there and padded. So a loop
/// over a strip has no tail and no type switch: it runs over [Species#padded] floats at [#segment]
/// and [#at].
///
/// Threading: belongs to one [Scratch], which belongs to one thread.
final class Strip {
  /// Most columns of a piece: 4 KiB as floats, so that six strips stay in the first-level cache.
  static final int BLOCK = 1024;

  private final MemorySegment scratch;
  private MemorySegment segment;
  private long at;

  Strip(MemorySegment scratch) {
    this.scratch = scratch;
    this.segment = scratch;
  }

  /// Returns the next piece's columns of `rest` columns.
  static int piece(int rest) {
    return rest >= BLOCK ? BLOCK : rest >= LANES ? rest - rest % LANES : rest;
  }

  /// The memory in which the strip's floats are.
  MemorySegment segment() {
    return segment;
  }

  /// The first float's offset in bytes.
  long at() {
    return at;
  }

  /// Presents `n` columns for reading; scratch beyond them is zero.
  void load(Tensor t, int row, int col, int n) {
    load(t, row, col, n, 0f);
  }

  /// Presents `n` columns for reading; scratch beyond them is `pad`.
  void load(Tensor t, int row, int col, int n, float pad) {
    long offset = offset(t, row, col);
    switch (t.dtype()) {
      case F32 -> {
        if (n % LANES == 0) {
          segment = t.data();
          at = offset;
          return;
        }
        MemorySegment.copy(t.data(), offset, scratch, 0, 4L * n);
      }
      case BF16 -> Narrow.widen(t.data(), offset, scratch, 0, n);
      case F16 -> widenHalf(t.data(), offset, scratch, n);
      case F64, I64, I32, I16, I8, U8, BOOL -> throw wrong(t);
    }
    segment = scratch;
    at = 0;
    for (int i = n; i % LANES != 0; i++) {
      scratch.set(JAVA_FLOAT_UNALIGNED, 4L * i, pad);
    }
  }

  /// Presents `n` numbers of a contiguous tensor from number `from` on, whole vectors of them.
  void loadFlat(Tensor t, long from, int n) {
    long offset = from * t.dtype().bytes();
    segment = scratch;
    at = 0;
    switch (t.dtype()) {
      case F32 -> {
        segment = t.data();
        at = offset;
      }
      case BF16 -> Narrow.widen(t.data(), offset, scratch, 0, n);
      case F16 -> widenHalf(t.data(), offset, scratch, n);
      case F64, I64, I32, I16, I8, U8, BOOL -> throw wrong(t);
    }
  }

  /// Presents `n` columns for writing: in place if possible, else in scratch.
  void open(Tensor t, int row, int col, int n) {
    switch (t.dtype()) {
      case F32 -> {
        boolean whole = n % LANES == 0;
        segment = whole ? t.data() : scratch;
        at = whole ? offset(t, row, col) : 0;
      }
      case BF16, F16 -> scratch();
      case F64, I64, I32, I16, I8, U8, BOOL -> throw wrong(t);
    }
  }

  /// Presents the scratch itself.
  void scratch() {
    segment = scratch;
    at = 0;
  }

  /// Writes the strip to `n` columns of a tensor, rounded; skips a strip that is in place.
  void store(Tensor t, int row, int col, int n) {
    MemorySegment to = t.data();
    long offset = offset(t, row, col);
    switch (t.dtype()) {
      case F32 -> {
        if (segment.address() + at != to.address() + offset) {
          MemorySegment.copy(segment, at, to, offset, 4L * n);
        }
      }
      case BF16 -> Narrow.narrow(segment, at, to, offset, n);
      case F16 -> narrowHalf(segment, at, to, offset, n);
      case F64, I64, I32, I16, I8, U8, BOOL -> throw wrong(t);
    }
  }

  /// The offset in bytes of an element.
  static long offset(Tensor t, int row, int col) {
    return (row * t.rowStride() + col) * t.dtype().bytes();
  }

  private static void widenHalf(MemorySegment src, long from, MemorySegment dst, int n) {
    for (int i = 0; i < n; i++) {
      short bits = src.get(JAVA_SHORT_UNALIGNED, from + 2L * i);
      dst.set(JAVA_FLOAT_UNALIGNED, 4L * i, Float.float16ToFloat(bits));
    }
  }

  private static void narrowHalf(MemorySegment src, long from, MemorySegment dst, long to, int n) {
    for (int i = 0; i < n; i++) {
      float v = src.get(JAVA_FLOAT_UNALIGNED, from + 4L * i);
      dst.set(JAVA_SHORT_UNALIGNED, to + 2L * i, Float.floatToFloat16(v));
    }
  }

  private static IllegalArgumentException wrong(Tensor t) {
    return new IllegalArgumentException(t + " is not F32, BF16 or F16");
  }
}
