package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.nudge.kernel.Nf4;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// Multiplies one row, or [#SIDE] rows at once, for each read of the weight.
///
/// A load brings two bf16 or two 4-bit numbers into an int lane. They are extracted as two vectors,
/// of the even and of the odd numbers, so rows of x are arranged in that order once: of each
/// 2·lanes numbers first the even ones, then the odd ones. Both loops add a row's numbers in one
/// order, so the results are bit-identical.
record VectorSkinnyProduct(SkinnyProduct under) implements SkinnyProduct {
  /// Rows per read of a weight.
  static final int SIDE = 4;

  private static final int PAIRS = 2 * LANES;
  private static final SkinnyNf4 NF4 = new SkinnyNf4();

  @Override
  public boolean takes(Weight w, Dtype compute) {
    if (compute != Dtype.BF16 && compute != Dtype.F32) {
      return false;
    }
    return switch (w) {
      case Dense d -> d.matrix().stride(1) == 1 && takes(d);
      case Quantized q -> SkinnyNf4.KNOWN && q.cols() % Nf4.BLOCK == 0;
      case Grouped g -> SkinnyGrouped.takes(g);
      case ByRow _, Powers _ -> true;
    };
  }

  private static boolean takes(Dense d) {
    Dtype dtype = d.matrix().dtype();
    return dtype == Dtype.F32 || dtype == Dtype.BF16 && d.cols() % 2 == 0;
  }

  @Override
  public boolean alike(Weight one, Weight other) {
    return inPairs(one) == inPairs(other) && sameOrder(order(one), order(other));
  }

  private static @Nullable Tensor order(Weight w) {
    return w instanceof Grouped g ? g.order() : null;
  }

  private static boolean sameOrder(@Nullable Tensor one, @Nullable Tensor other) {
    return one == other || one != null && other != null && one.data().mismatch(other.data()) == -1;
  }

  private static boolean inPairs(Weight w) {
    return switch (w) {
      case Dense d -> d.matrix().dtype() != Dtype.F32;
      case Quantized _, Powers _ -> true;
      case Grouped g -> g.bits() == 4;
      case ByRow _ -> false;
    };
  }

  /// Allocates extra rows, which [#some] may include; their products are discarded.
  @Override
  public Tensor room(Tensor x, Weight w, Workspace ws) {
    if (!takes(w, x.dtype())) {
      return under.room(x, w, ws);
    }
    int rows = x.rows() == 1 ? 1 : x.rows() + SIDE - 1;
    return ws.take(Dtype.F32, rows, Math.ceilDiv(x.cols(), PAIRS) * PAIRS);
  }

  @Override
  public void arrange(Tensor x, Weight w, Tensor to) {
    if (!takes(w, x.dtype())) {
      under.arrange(x, w, to);
      return;
    }
    Tensor order = order(w);
    int rows = x.rows() == 1 ? 1 : Math.ceilDiv(x.rows(), SIDE) * SIDE;
    for (int r = 0; r < rows; r++) {
      int row = Math.min(r, x.rows() - 1);
      Tensor in = x;
      if (order != null) {
        in = Tensor.of(Scratch.get().wide(4L * x.cols()), x.dtype(), 1, x.cols());
        SkinnyGrouped.gather(x.rows(row, row + 1), order, in);
        row = 0;
      }
      arrange(in, row * in.rowStride(), x.cols(), inPairs(w), to.data(), 4L * r * to.cols());
    }
  }

  @Override
  public Tensor some(Tensor arranged, int from, int to) {
    boolean one = to - from == 1;
    return arranged.rows(from, one ? to : from + Math.ceilDiv(to - from, SIDE) * SIDE);
  }

  /// Widens `n` numbers from element `from` on, padded with zeros to whole pairs of vectors.
  ///
  /// @param pairs whether even numbers precede odd ones
  /// @param at byte offset in `to`
  static void arrange(Tensor x, long from, int n, boolean pairs, MemorySegment to, long at) {
    boolean low = x.dtype() == Dtype.BF16;
    if (pairs && low) {
      SkinnyBf16.apart(x.data(), 2 * from, n, to, at);
      return;
    }
    to.asSlice(at, 4L * Math.ceilDiv(n, PAIRS) * PAIRS).fill((byte) 0);
    if (low) {
      Narrow.widen(x.data(), 2 * from, to, at, n);
    } else if (pairs) {
      for (int i = 0; i < n; i++) {
        float v = x.data().get(JAVA_FLOAT_UNALIGNED, 4 * (from + i));
        to.set(JAVA_FLOAT_UNALIGNED, at + 4L * SkinnyBf16.place(i), v);
      }
    } else {
      MemorySegment.copy(x.data(), 4 * from, to, at, 4L * n);
    }
  }

  @Override
  public void multiply(Tensor x, Weight w, Dtype compute, int from, int to, Tensor y, boolean add) {
    if (!takes(w, compute)) {
      under.multiply(x, w, compute, from, to, y, add);
      return;
    }
    if (w instanceof ByRow made) {
      rows(made, x, compute, from, to, y, add);
      return;
    }
    if (w instanceof Powers p) {
      SkinnyMxfp4.multiply(p, x, from, to, new Out(y, 0, y.rows(), add));
      return;
    }
    for (int r = 0; r < y.rows(); r += x.rows() == 1 ? 1 : SIDE) {
      Out out = new Out(y, r, Math.min(y.rows(), r + SIDE), add);
      MemorySegment rows = x.data().asSlice(4L * r * x.cols());
      int stride = 4 * x.cols();
      boolean one = x.rows() == 1;
      switch (w) {
        case Dense d when d.matrix().dtype() == Dtype.BF16 ->
            bf16(d.matrix(), rows, stride, one, from, to, out);
        case Dense d -> fp32(d.matrix(), rows, stride, one, from, to, out);
        case ByRow made -> throw new IllegalStateException(made + " is read by rows");
        case Quantized q -> NF4.multiply(q, rows, stride, one, compute, from, to, out);
        case Grouped g -> SkinnyGrouped.multiply(g, rows, stride, one, compute, from, to, out);
        case Powers p -> throw new IllegalStateException(p + " is read by rows");
      }
    }
  }

  /// Reads each row of the weight once, into cache, and multiplies all rows of x by it.
  private static void rows(
      ByRow w, Tensor x, Dtype compute, int from, int to, Tensor y, boolean add) {
    int cols = w.cols();
    Scratch scratch = Scratch.get();
    MemorySegment row = scratch.row(4L * cols);
    MemorySegment low = scratch.wide(2L * cols);
    Out out = new Out(y, 0, y.rows(), add);
    for (int o = from; o < to; o++) {
      w.reader().read(o, row, 0);
      if (compute == Dtype.BF16) {
        Narrow.narrow(row, 0, low, 0, cols);
        Narrow.widen(low, 0, row, 0, cols);
      }
      for (int r = 0; r < y.rows(); r++) {
        float sum = SkinnyFp32.one(row, 0, x.data(), 4L * r * x.cols(), cols);
        out.put(r, o, sum);
      }
    }
  }

  private static void bf16(
      Tensor w, MemorySegment x, int stride, boolean one, int from, int to, Out out) {
    int cols = w.cols();
    float[] sums = Scratch.get().sums;
    for (int o = from; o < to; o++) {
      long at = 2 * o * w.rowStride();
      if (one) {
        out.put(0, o, SkinnyBf16.one(w.data(), at, x, cols));
      } else {
        SkinnyBf16.four(w.data(), at, x, stride, cols, sums);
        out.put(o, sums);
      }
    }
  }

  private static void fp32(
      Tensor w, MemorySegment x, int stride, boolean one, int from, int to, Out out) {
    int cols = w.cols();
    float[] sums = Scratch.get().sums;
    for (int o = from; o < to; o++) {
      long at = 4 * o * w.rowStride();
      if (one) {
        out.put(0, o, SkinnyFp32.one(w.data(), at, x, 0, cols));
      } else {
        SkinnyFp32.four(w.data(), at, x, stride, cols, sums);
        out.put(o, sums);
      }
    }
  }

  /// Rows of y into which results are written one by one.
  ///
  /// @param from first row of y
  /// @param to row after the last
  record Out(Tensor y, int from, int to, boolean add) {
    int rows() {
      return to - from;
    }

    void put(int row, int col, float v) {
      long at = (from + row) * y.rowStride() + col;
      MemorySegment data = y.data();
      if (y.dtype() == Dtype.BF16) {
        float sum = add ? v + Bf16.toFloat(data.get(JAVA_SHORT_UNALIGNED, 2 * at)) : v;
        data.set(JAVA_SHORT_UNALIGNED, 2 * at, Bf16.round(sum));
      } else {
        float sum = add ? v + data.get(JAVA_FLOAT_UNALIGNED, 4 * at) : v;
        data.set(JAVA_FLOAT_UNALIGNED, 4 * at, sum);
      }
    }

    void put(int col, float[] sums) {
      for (int row = 0; row < to - from; row++) {
        put(row, col, sums[row]);
      }
    }
  }
}
