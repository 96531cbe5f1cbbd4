package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.padded;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.kernel.Attend;
import dev.nudge.kernel.KeyValues;
import dev.nudge.kernel.SoftCap;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Computes one query's attention over a range of keys, in three sweeps: scores, exponentials,
/// weighted sum of the values.
///
/// A sweep processes some kilobytes of keys or values at a time, for all key-value heads, four
/// query heads side by side; groups of fewer are padded with zeros. With bf16 keys, queries and
/// sums are in pairs, as [VectorFewRows] has them.
final class AttendPart {
  private static final int SIDE = VectorFewRows.SIDE;
  private static final int PAIRS = 2 * LANES;
  private static final int LONGEST = 128; // keys read for all heads
  private static final int NEAR = 24576; // bytes of keys that are read for all heads

  private static final VectorSoftCap SOFT_CAP = new VectorSoftCap(new SoftCap.Plain());

  private final Attend.Shape h;
  private final int sides; // of a key-value head
  private final int step; // keys read for all heads

  final boolean low;

  /// Floats of a head's padded query, and of its weighted sum.
  final int width;

  /// @param low whether keys are in bfloat16, not in fp32
  AttendPart(Attend.Shape h, boolean low) {
    this.h = h;
    this.low = low;
    sides = h.group() == 1 ? 1 : Math.ceilDiv(h.group(), SIDE) * SIDE;
    width = Math.ceilDiv(h.dim(), PAIRS) * PAIRS;
    step = Math.clamp(NEAR / ((low ? 2 : 4) * h.keyWidth()) / 2 * 2, 4, LONGEST);
  }

  /// Attends to the keys of range `part` that the query sees.
  ///
  /// @param length keys of a range
  /// @param q (1, queryWidth)
  /// @param most byte offset of the heads' largest scores; the sums of exponentials follow
  /// @param room floats from head to head there
  /// @param values byte offset of the weighted sums of values, (heads, width)
  void run(
      Tensor q,
      KeyValues kv,
      int part,
      int length,
      MemorySegment to,
      long most,
      int room,
      long values) {
    int from = Math.max(h.first(kv.rows() - 1), part * length);
    int n = Math.min(kv.rows(), (part + 1) * length) - from;
    int row = padded(n + 1); // products are made for two keys at a time
    int all = h.keyCount() * sides;
    MemorySegment scratch = Scratch.get().wide(4L * all * (width + row) + AttendScores.SPARE);
    long scores = 4L * all * width;
    load(q, scratch);
    for (int j = 0; j < n; ) {
      Piece keys = piece(kv.keys(), from, j, n);
      for (int i = 0; i < all; i += Math.min(sides, SIDE)) {
        products(
            keys, i, scratch, scores + 4L * ((long) i * row + j), row, scores + 4L * all * row);
      }
      j += keys.rows;
    }
    powers(scratch, scores, n, row, to, most, room);
    MemorySegment sums = scratch.asSlice(0, scores); // of the queries, read by now
    sums.fill((byte) 0);
    for (int j = 0; j < n; ) {
      Piece v = piece(kv.values(), from, j, n);
      for (int i = 0; i < all; i += Math.min(sides, SIDE)) {
        sum(v, i, scratch, scores + 4L * ((long) i * row + j), row, sums);
      }
      j += v.rows;
    }
    for (int head = 0; head < h.count(); head++) {
      MemorySegment.copy(
          sums, 4L * width * place(head), to, values + 4L * width * head, 4L * width);
    }
  }

  /// The padded index of a query head.
  private int place(int head) {
    return head / h.group() * sides + head % h.group();
  }

  private void load(Tensor q, MemorySegment to) {
    if (h.group() < sides) {
      to.asSlice(0, 4L * h.keyCount() * sides * width).fill((byte) 0);
    }
    for (int head = 0; head < h.count(); head++) {
      VectorFewRows.arrange(q, (long) head * h.dim(), h.dim(), low, to, 4L * width * place(head));
    }
  }

  /// Some rows of one block.
  ///
  /// @param at first byte
  /// @param stride bytes from row to row
  private record Piece(MemorySegment data, long at, long stride, int rows) {}

  private Piece piece(List<Tensor> blocks, int from, int j, int n) {
    int size = blocks.getFirst().rows();
    int row = from + j;
    Tensor block = blocks.get(row / size);
    long stride = block.rowStride() * (low ? 2 : 4);
    int rows = Math.min(Math.min(n - j, size - row % size), step);
    return new Piece(block.data(), row % size * stride, stride, rows);
  }

  private void products(Piece k, int side, MemorySegment s, long to, int row, long spare) {
    MemorySegment q = s.asSlice(4L * side * width);
    long at = k.at + (long) side / sides * h.dim() * (low ? 2 : 4);
    if (low && sides > 1 && AttendScores.takes(h.dim())) {
      for (int c = 0; c < h.dim(); c += AttendScores.COLUMNS) {
        AttendScores.four(
            k.data, at + 2L * c, k.stride, k.rows, q, 4L * c, width, s, to, row, spare, c > 0);
      }
      return;
    }
    float[] sums = Scratch.get().sums;
    for (int j = 0; j < k.rows; j++, at += k.stride) {
      if (sides == 1) {
        float dot =
            low ? FewBf16.one(k.data, at, q, h.dim()) : FewFp32.one(k.data, at, q, 0, h.dim());
        s.set(JAVA_FLOAT_UNALIGNED, to + 4L * j, dot);
        continue;
      }
      if (low) {
        FewBf16.four(k.data, at, q, 4L * width, h.dim(), sums);
      } else {
        FewFp32.four(k.data, at, q, 4L * width, h.dim(), sums);
      }
      for (int i = 0; i < SIDE; i++) {
        s.set(JAVA_FLOAT_UNALIGNED, to + 4L * ((long) i * row + j), sums[i]);
      }
    }
  }

  /// Turns the scores of each head into exponentials.
  private void powers(
      MemorySegment s, long scores, int n, int row, MemorySegment to, long most, int room) {
    if (h.softCap() != 0) {
      int all = h.keyCount() * sides;
      Tensor capped = Tensor.of(s.asSlice(scores, 4L * all * row), Dtype.F32, all, row).cols(0, n);
      SOFT_CAP.forward(capped, h.scale(), h.softCap());
    }
    double scale = h.softCap() == 0 ? h.scale() : 1;
    float high = (float) scale;
    float rest = (float) (scale - high);
    for (int head = 0; head < h.count(); head++) {
      long at = scores + 4L * row * place(head);
      for (int i = n; i < row; i++) {
        s.set(JAVA_FLOAT_UNALIGNED, at + 4L * i, VectorSoftmaxRows.LEAST);
      }
      float max = VectorSoftmaxRows.largest(s, at, row) * high;
      float sum = VectorSoftmaxRows.powers(s, at, s, at, row, high, rest, max);
      long place = most + 4L * head * room;
      to.set(JAVA_FLOAT_UNALIGNED, place, max);
      to.set(JAVA_FLOAT_UNALIGNED, place + 4L * h.count() * room, sum);
    }
  }

  private void sum(Piece v, int side, MemorySegment s, long powers, int row, MemorySegment sums) {
    int bytes = low ? 2 : 4;
    long at = v.at + (long) side / sides * h.dim() * bytes;
    for (int c = 0; c < width; c += PAIRS, at += (long) PAIRS * bytes) {
      long to = 4L * (side * width + c);
      int left = h.dim() - c;
      if (low && sides > 1) {
        Weighted.four(v.data, at, v.stride, v.rows, s, powers, row, sums, to, width, left);
        continue;
      }
      for (int i = 0; i < Math.min(sides, SIDE); i++) {
        long own = powers + 4L * i * row;
        if (low) {
          Weighted.bf16(v.data, at, v.stride, v.rows, s, own, sums, to + 4L * i * width, left);
        } else {
          Weighted.fp32(v.data, at, v.stride, v.rows, s, own, sums, to + 4L * i * width, left);
        }
      }
    }
  }
}
