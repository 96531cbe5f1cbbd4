package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.padded;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.kernel.Attend;
import dev.nudge.kernel.AttendSweeps;
import dev.nudge.kernel.AttendSweeps.Rows;
import dev.nudge.kernel.AttendSweeps.Sizes;
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
/// sums are in pairs, as [VectorSkinnyProduct] has them.
final class AttendPart {
  private static final int SIDE = VectorSkinnyProduct.SIDE;
  private static final int PAIRS = 2 * LANES;
  private static final int LONGEST = 128; // keys read for all heads
  private static final int NEAR = 24576; // bytes of keys that are read for all heads

  private static final VectorSoftCap SOFT_CAP = new VectorSoftCap(new SoftCap.Plain());

  private final Attend.Shape h;
  private final AttendSweeps sweeps;
  private final int sides; // of a key-value head
  private final int step; // keys read for all heads

  final boolean low;

  /// Floats of a head's padded query, and of its weighted sum.
  final int width;

  /// @param low whether keys are in bfloat16, not in fp32
  /// @param sweeps over keys and values of that type
  AttendPart(Attend.Shape h, boolean low, AttendSweeps sweeps) {
    this.h = h;
    this.sweeps = sweeps;
    this.low = low;
    sides = h.group() == 1 ? 1 : Math.ceilDiv(h.group(), SIDE) * SIDE;
    width = Math.ceilDiv(h.dim(), PAIRS) * PAIRS;
    step = Math.clamp(NEAR / ((low ? 2 : 4) * h.keyWidth()) / 4 * 4, 4, LONGEST);
  }

  /// Attends to the keys of range `part` that the query sees.
  ///
  /// @param length keys of a range
  /// @param q (1, queryWidth)
  /// @param most byte offset of the heads' largest scores; the sums of exponentials follow
  /// @param room floats from head to head there
  /// @param result byte offset of the weighted sums of values, (heads, width)
  void run(
      Tensor q,
      KeyValues kv,
      int part,
      int length,
      MemorySegment to,
      long most,
      int room,
      long result) {
    int from = Math.max(h.first(kv.rows() - 1), part * length);
    int n = Math.min(kv.rows(), (part + 1) * length) - from;
    int row = padded(n + AttendSweeps.BEHIND);
    int all = h.keyCount() * sides;
    Sizes sizes = new Sizes(h.keyCount(), h.dim(), sides, width, row);
    MemorySegment scratch = Scratch.get().wide(4L * all * (width + row) + AttendSweeps.SPARE);
    long scores = 4L * all * width;
    load(q, scratch);
    Rows firstValues = rows(kv.values(), from, 0, n);
    Rows keys = rows(kv.keys(), from, 0, n);
    for (int j = 0, end; j < n; j = end) {
      end = j + keys.count();
      Rows next = end < n ? rows(kv.keys(), from, end, n) : firstValues;
      sweeps.scores(keys, next, sizes, scratch, scores + 4L * j);
      keys = next;
    }
    powers(scratch, scores, n, row, to, most, room);
    scratch.asSlice(0, scores).fill((byte) 0); // queries, read by now, make room for sums
    Rows values = firstValues;
    for (int j = 0, end; j < n; j = end) {
      end = j + values.count();
      Rows next = end < n ? rows(kv.values(), from, end, n) : values;
      sweeps.sums(values, next, sizes, scratch, scores + 4L * j);
      values = next;
    }
    for (int head = 0; head < h.count(); head++) {
      MemorySegment.copy(
          scratch, 4L * width * place(head), to, result + 4L * width * head, 4L * width);
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
      VectorSkinnyProduct.arrange(
          q, (long) head * h.dim(), h.dim(), low, to, 4L * width * place(head));
    }
  }

  private Rows rows(List<Tensor> blocks, int from, int j, int n) {
    int size = blocks.getFirst().rows();
    int row = from + j;
    Tensor block = blocks.get(row / size);
    long stride = block.rowStride() * (low ? 2 : 4);
    int rows = Math.min(Math.min(n - j, size - row % size), step);
    return new Rows(block.data(), row % size * stride, stride, rows);
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
}
