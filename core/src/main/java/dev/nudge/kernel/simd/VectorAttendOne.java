package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.padded;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.nudge.kernel.Attend;
import dev.nudge.kernel.AttendOne;
import dev.nudge.kernel.KeyValues;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// Attends for one query in three sweeps: its products with all keys, their softmax, the sum of the
/// values.
///
/// Each key is read once for the query heads that share it. Everything between is fp32, in the
/// thread's scratch: queries in pairs as [VectorFewRows] has them, scores, sums.
final class VectorAttendOne implements AttendOne {
  private static final int PAIRS = 2 * LANES;

  private final AttendOne portable = new AttendOne.Plain();
  private final VectorSoftCap softCap = new VectorSoftCap();

  @Override
  public void forward(Attend.Shape h, int g, Tensor q, KeyValues kv, Tensor out) {
    Dtype dtype = q.dtype();
    boolean low = dtype == Dtype.BF16;
    if (!low && dtype != Dtype.F32 || h.dim() % 2 != 0) {
      portable.forward(h, g, q, kv, out);
      return;
    }
    int heads = h.group();
    int sides = heads == 1 ? 1 : Math.ceilDiv(heads, VectorFewRows.SIDE) * VectorFewRows.SIDE;
    int width = Math.ceilDiv(h.dim(), PAIRS) * PAIRS;
    int first = h.first(kv.rows() - 1);
    int n = kv.rows() - first;
    int row = padded(n);
    Scratch scratch = Scratch.get();
    MemorySegment all = scratch.wide(4L * sides * (width + row));
    MemorySegment scores = all.asSlice(4L * sides * width);
    load(h, g, q, low, all, width, sides);
    scores(h, g, kv, low, first, all, width, scores, row, sides);
    if (h.softCap() != 0) {
      Tensor capped = Tensor.of(scores, Dtype.F32, heads, row).cols(0, n);
      softCap.forward(capped, h.scale(), h.softCap());
    }
    double scale = h.softCap() == 0 ? h.scale() : 1;
    for (int i = 0; i < heads; i++) {
      float inverse = softmax(scores, 4L * i * row, n, row, scale);
      MemorySegment sums = all.asSlice(4L * i * width, 4L * width); // of the query, read by now
      sums.fill((byte) 0);
      values(h, g, kv, low, first, scores, 4L * i * row, sums, width);
      store(sums, low, h.dim(), inverse, out, (g * heads + i) * h.dim());
    }
  }

  /// The queries of a group, then zeros for the sides that have none.
  private static void load(
      Attend.Shape h, int g, Tensor q, boolean low, MemorySegment to, int width, int sides) {
    for (int i = 0; i < h.group(); i++) {
      long from = (long) (g * h.group() + i) * h.dim();
      VectorFewRows.arrange(q, from, h.dim(), low, to, 4L * i * width);
    }
    to.asSlice(4L * h.group() * width, 4L * (sides - h.group()) * width).fill((byte) 0);
  }

  private static void scores(
      Attend.Shape h,
      int g,
      KeyValues kv,
      boolean low,
      int first,
      MemorySegment q,
      int width,
      MemorySegment scores,
      int row,
      int sides) {
    int size = kv.keys().getFirst().rows();
    float[] sums = Scratch.get().sums;
    for (int j = first; j < kv.rows(); j++) {
      Tensor block = kv.keys().get(j / size);
      long at = (j % size * block.rowStride() + (long) g * h.dim()) * (low ? 2 : 4);
      MemorySegment data = block.data();
      long to = 4L * (j - first);
      if (sides == 1) {
        float dot = low ? FewBf16.one(data, at, q, h.dim()) : FewFp32.one(data, at, q, 0, h.dim());
        scores.set(JAVA_FLOAT_UNALIGNED, to, dot);
        continue;
      }
      for (int i = 0; i < sides; i += VectorFewRows.SIDE) {
        MemorySegment four = q.asSlice(4L * i * width);
        if (low) {
          FewBf16.four(data, at, four, 4L * width, h.dim(), sums);
        } else {
          FewFp32.four(data, at, four, 4L * width, h.dim(), sums);
        }
        for (int k = 0; k < VectorFewRows.SIDE; k++) {
          scores.set(JAVA_FLOAT_UNALIGNED, to + 4L * (i + k) * row, sums[k]);
        }
      }
    }
  }

  /// Turns a row of scores into powers.
  ///
  /// @return what they are to be multiplied by
  private static float softmax(MemorySegment scores, long at, int n, int row, double scale) {
    for (int i = n; i < row; i++) {
      scores.set(JAVA_FLOAT_UNALIGNED, at + 4L * i, VectorSoftmaxRows.LEAST);
    }
    float high = (float) scale;
    float low = (float) (scale - high);
    float max = VectorSoftmaxRows.largest(scores, at, row) * high;
    return 1 / VectorSoftmaxRows.powers(scores, at, scores, at, row, high, low, max);
  }

  private static void values(
      Attend.Shape h,
      int g,
      KeyValues kv,
      boolean low,
      int first,
      MemorySegment p,
      long at,
      MemorySegment sums,
      int width) {
    int size = kv.values().getFirst().rows();
    int bytes = low ? 2 : 4;
    for (int j = first; j < kv.rows(); ) {
      Tensor block = kv.values().get(j / size);
      int rows = Math.min(kv.rows() - j, size - j % size);
      long stride = block.rowStride() * bytes;
      long from = j % size * stride + (long) g * h.dim() * bytes;
      long weight = at + 4L * (j - first);
      for (int c = 0; c < width; c += PAIRS) {
        int left = h.dim() - c;
        if (low) {
          Weighted.bf16(block.data(), from + 2L * c, stride, rows, p, weight, sums, 4L * c, left);
        } else {
          Weighted.fp32(block.data(), from + 4L * c, stride, rows, p, weight, sums, 4L * c, left);
        }
      }
      j += rows;
    }
  }

  private static void store(
      MemorySegment sums, boolean low, int dim, float inverse, Tensor out, int col) {
    for (int c = 0; c < dim; c++) {
      float v = inverse * sums.get(JAVA_FLOAT_UNALIGNED, 4L * (low ? FewBf16.place(c) : c));
      long at = col + c;
      if (low) {
        out.data().set(JAVA_SHORT_UNALIGNED, 2 * at, Bf16.round(v));
      } else {
        out.data().set(JAVA_FLOAT_UNALIGNED, 4 * at, v);
      }
    }
  }
}
