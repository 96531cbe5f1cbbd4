package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.nudge.kernel.RowMatrix;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/// Computes in float; a row is padded with zeros to whole vectors.
final class FloatRows extends RowMatrix {
  private static final int WIDE = 4 * LANES;

  private final float[] all;
  private final int stride;

  FloatRows(int rows, int cols) {
    super(cols);
    stride = Species.padded(cols);
    all = new float[rows * stride];
  }

  @Override
  public void sum(int row, RowMatrix weights, int at, int from, int to, RowMatrix x, boolean add) {
    FloatRows w = (FloatRows) weights;
    FloatRows others = (FloatRows) x;
    int y = row * stride;
    if (!add) {
      Arrays.fill(all, y, y + stride, 0);
    }
    int first = at * w.stride;
    int j = 0;
    for (; j + WIDE <= stride; j += WIDE) {
      wide(all, y + j, w.all, first, from, to, others.all, j, others.stride);
    }
    for (; j < stride; j += LANES) {
      narrow(all, y + j, w.all, first, from, to, others.all, j, others.stride);
    }
  }

  private static void wide(
      float[] y, int yAt, float[] w, int wAt, int from, int to, float[] x, int j, int stride) {
    FloatVector a = FloatVector.fromArray(F, y, yAt);
    FloatVector b = FloatVector.fromArray(F, y, yAt + LANES);
    FloatVector c = FloatVector.fromArray(F, y, yAt + 2 * LANES);
    FloatVector d = FloatVector.fromArray(F, y, yAt + 3 * LANES);
    for (int k = from; k < to; k++) {
      FloatVector factor = FloatVector.broadcast(F, w[wAt + k]);
      int row = k * stride + j;
      a = FloatVector.fromArray(F, x, row).fma(factor, a);
      b = FloatVector.fromArray(F, x, row + LANES).fma(factor, b);
      c = FloatVector.fromArray(F, x, row + 2 * LANES).fma(factor, c);
      d = FloatVector.fromArray(F, x, row + 3 * LANES).fma(factor, d);
    }
    a.intoArray(y, yAt);
    b.intoArray(y, yAt + LANES);
    c.intoArray(y, yAt + 2 * LANES);
    d.intoArray(y, yAt + 3 * LANES);
  }

  @Override
  public void sums(
      int first, int end, RowMatrix weights, int from, int to, RowMatrix x, boolean add) {
    FloatRows w = (FloatRows) weights;
    FloatRows others = (FloatRows) x;
    int row = first;
    for (; row + TOGETHER <= end; row += TOGETHER) {
      int y = row * stride;
      if (!add) {
        Arrays.fill(all, y, y + TOGETHER * stride, 0);
      }
      int j = 0;
      for (; j + 2 * LANES <= stride; j += 2 * LANES) {
        block(all, y + j, stride, w.all, row * w.stride, w.stride, from, to, others, j);
      }
      for (; j < stride; j += LANES) {
        for (int i = 0; i < TOGETHER; i++) {
          int at = (row + i) * w.stride;
          narrow(all, y + i * stride + j, w.all, at, from, to, others.all, j, others.stride);
        }
      }
    }
    super.sums(row, end, weights, from, to, x, add);
  }

  /// Two vectors of four rows.
  private static void block(
      float[] y,
      int at,
      int stride,
      float[] w,
      int wAt,
      int wStride,
      int from,
      int to,
      FloatRows others,
      int j) {
    float[] x = others.all;
    int step = others.stride;
    FloatVector a0 = FloatVector.fromArray(F, y, at);
    FloatVector a1 = FloatVector.fromArray(F, y, at + LANES);
    FloatVector b0 = FloatVector.fromArray(F, y, at + stride);
    FloatVector b1 = FloatVector.fromArray(F, y, at + stride + LANES);
    FloatVector c0 = FloatVector.fromArray(F, y, at + 2 * stride);
    FloatVector c1 = FloatVector.fromArray(F, y, at + 2 * stride + LANES);
    FloatVector d0 = FloatVector.fromArray(F, y, at + 3 * stride);
    FloatVector d1 = FloatVector.fromArray(F, y, at + 3 * stride + LANES);
    for (int k = from; k < to; k++) {
      FloatVector x0 = FloatVector.fromArray(F, x, k * step + j);
      FloatVector x1 = FloatVector.fromArray(F, x, k * step + j + LANES);
      FloatVector f = FloatVector.broadcast(F, w[wAt + k]);
      a0 = x0.fma(f, a0);
      a1 = x1.fma(f, a1);
      f = FloatVector.broadcast(F, w[wAt + wStride + k]);
      b0 = x0.fma(f, b0);
      b1 = x1.fma(f, b1);
      f = FloatVector.broadcast(F, w[wAt + 2 * wStride + k]);
      c0 = x0.fma(f, c0);
      c1 = x1.fma(f, c1);
      f = FloatVector.broadcast(F, w[wAt + 3 * wStride + k]);
      d0 = x0.fma(f, d0);
      d1 = x1.fma(f, d1);
    }
    a0.intoArray(y, at);
    a1.intoArray(y, at + LANES);
    b0.intoArray(y, at + stride);
    b1.intoArray(y, at + stride + LANES);
    c0.intoArray(y, at + 2 * stride);
    c1.intoArray(y, at + 2 * stride + LANES);
    d0.intoArray(y, at + 3 * stride);
    d1.intoArray(y, at + 3 * stride + LANES);
  }

  private static void narrow(
      float[] y, int yAt, float[] w, int wAt, int from, int to, float[] x, int j, int stride) {
    FloatVector a = FloatVector.fromArray(F, y, yAt);
    for (int k = from; k < to; k++) {
      FloatVector factor = FloatVector.broadcast(F, w[wAt + k]);
      a = FloatVector.fromArray(F, x, k * stride + j).fma(factor, a);
    }
    a.intoArray(y, yAt);
  }

  @Override
  public void scaled(int row, RowMatrix x, int xRow, double s) {
    FloatRows other = (FloatRows) x;
    float factor = (float) s;
    int from = xRow * other.stride;
    int to = row * stride;
    for (int j = 0; j < stride; j += LANES) {
      FloatVector.fromArray(F, other.all, from + j).mul(factor).intoArray(all, to + j);
    }
  }

  @Override
  public void scaled(int row, RowMatrix x, int xRow, double s, double[] d, int n) {
    FloatRows other = (FloatRows) x;
    int from = xRow * other.stride;
    int to = row * stride;
    for (int j = 0; j < n; j++) {
      all[to + j] = (float) (s * d[j]) * other.all[from + j];
    }
    Arrays.fill(all, to + n, to + stride, 0);
  }

  @Override
  public double dot(int row, RowMatrix x, int xRow) {
    FloatRows other = (FloatRows) x;
    int a = row * stride;
    int b = xRow * other.stride;
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int j = 0;
    for (; j + 4 <= cols(); j += 4) {
      s0 += (double) all[a + j] * other.all[b + j];
      s1 += (double) all[a + j + 1] * other.all[b + j + 1];
      s2 += (double) all[a + j + 2] * other.all[b + j + 2];
      s3 += (double) all[a + j + 3] * other.all[b + j + 3];
    }
    for (; j < cols(); j++) {
      s0 += (double) all[a + j] * other.all[b + j];
    }
    return (s0 + s1) + (s2 + s3);
  }

  @Override
  public void products(int row, RowMatrix x, int xRow, double[] to, int n) {
    FloatRows other = (FloatRows) x;
    int a = row * stride;
    int b = xRow * other.stride;
    for (int j = 0; j < n; j++) {
      to[j] += (double) all[a + j] * other.all[b + j];
    }
  }

  @Override
  public void column(int col, RowMatrix x, int xRow, int n) {
    FloatRows other = (FloatRows) x;
    int from = xRow * other.stride;
    for (int j = 0; j < n; j++) {
      all[j * stride + col] = other.all[from + j];
    }
  }

  @Override
  public double get(int row, int col) {
    return all[row * stride + col];
  }

  @Override
  public void set(int row, int col, double value) {
    all[row * stride + col] = (float) value;
  }

  @Override
  public void load(int row, Tensor from, int tensorRow, int col) {
    MemorySegment s = from.data();
    long at = (tensorRow * from.rowStride() + col) * from.dtype().bytes();
    int to = row * stride;
    if (from.dtype() == Dtype.F32) {
      MemorySegment.copy(s, JAVA_FLOAT_UNALIGNED, at, all, to, cols());
      return;
    }
    for (int j = 0; j < cols(); j++) {
      all[to + j] = Bf16.toFloat(s.get(JAVA_SHORT_UNALIGNED, at + 2L * j));
    }
  }

  @Override
  public void store(int row, Tensor to, int tensorRow, int col) {
    MemorySegment s = to.data();
    long at = (tensorRow * to.rowStride() + col) * to.dtype().bytes();
    int from = row * stride;
    if (to.dtype() == Dtype.F32) {
      MemorySegment.copy(all, from, s, JAVA_FLOAT_UNALIGNED, at, cols());
      return;
    }
    for (int j = 0; j < cols(); j++) {
      s.set(JAVA_SHORT_UNALIGNED, at + 2L * j, Bf16.round(all[from + j]));
    }
  }

  @Override
  public void round(int row, Dtype type) {} // states are float

  @Override
  public void clear() {
    Arrays.fill(all, 0);
  }
}
