package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.D;
import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.FD;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static dev.nudge.kernel.simd.Species.padded;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.F2D;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.XOR;

import dev.nudge.kernel.DropoutHash;
import dev.nudge.kernel.Elementwise;
import dev.nudge.kernel.Rows;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import org.jspecify.annotations.Nullable;

/// Copies, adds and scales strip by strip; sums are in double lanes.
record VectorElementwise(Elementwise under) implements Elementwise {
  @Override
  public void addBias(Tensor y, Tensor bias) {
    if (y.dtype() == Dtype.F64 || bias.dtype() == Dtype.F64) {
      under.addBias(y, bias);
      return;
    }
    Rows.shape("y", y, y.rows(), y.cols());
    Rows.shape("bias", bias, 1, y.cols());
    Scratch scratch = Scratch.get();
    for (int r = 0; r < y.rows(); r++) {
      add(scratch, bias, 0, y, r);
    }
  }

  @Override
  public void add(Tensor x, Tensor y) {
    if (x.dtype() == Dtype.F64 || y.dtype() == Dtype.F64) {
      under.add(x, y);
      return;
    }
    Elementwise.same(x, y);
    Scratch scratch = Scratch.get();
    for (int r = 0; r < y.rows(); r++) {
      add(scratch, x, r, y, r);
    }
  }

  @Override
  public void scale(Tensor x, double s) {
    if (x.dtype() == Dtype.F64) {
      under.scale(x, s);
      return;
    }
    Rows.shape("x", x, x.rows(), x.cols());
    boolean flat = x.contiguous() && x.elements() <= Integer.MAX_VALUE;
    int rows = flat ? 1 : x.rows(); // short rows would cost more than their elements
    int cols = flat ? (int) x.elements() : x.cols();
    Strip a = Scratch.get().a;
    for (int r = 0; r < rows; r++) {
      for (int c = 0, n; c < cols; c += n) {
        n = Strip.piece(cols - c);
        a.load(x, r, c, n);
        scale(a.segment(), a.at(), padded(n), (float) s);
        a.store(x, r, c, n);
      }
    }
  }

  @Override
  public void copy(Tensor src, Tensor dst) {
    if (src.dtype() == Dtype.F64 || dst.dtype() == Dtype.F64) {
      under.copy(src, dst);
      return;
    }
    Elementwise.same(src, dst);
    Scratch scratch = Scratch.get();
    for (int r = 0; r < src.rows(); r++) {
      copy(scratch, src, r, dst, r);
    }
  }

  @Override
  public void gather(Tensor table, Tensor ids, Tensor out) {
    if (table.dtype() == Dtype.F64 || out.dtype() == Dtype.F64) {
      under.gather(table, ids, out);
      return;
    }
    Elementwise.check(table, ids, out);
    Scratch scratch = Scratch.get();
    for (int r = 0; r < out.rows(); r++) {
      int id = Rows.int32(ids, r);
      Rows.index("id", id, table.rows());
      copy(scratch, table, id, out, r);
    }
  }

  @Override
  public void scatter(Tensor x, Tensor ids, int skipped, Tensor table) {
    if (table.dtype() == Dtype.F64 || x.dtype() == Dtype.F64) {
      under.scatter(x, ids, skipped, table);
      return;
    }
    Elementwise.check(table, ids, x);
    Scratch scratch = Scratch.get();
    for (int r = 0; r < x.rows(); r++) {
      int id = Rows.int32(ids, r);
      if (id != skipped) {
        Rows.index("id", id, table.rows());
        add(scratch, x, r, table, id);
      }
    }
  }

  @Override
  public double sumOfSquares(Tensor x) {
    if (x.dtype() == Dtype.F64) {
      return under.sumOfSquares(x);
    }
    Rows.shape("x", x, x.rows(), x.cols());
    Strip a = Scratch.get().a;
    int cols = x.cols();
    double sum = 0;
    for (int r = 0; r < x.rows(); r++) {
      for (int c = 0, n; c < cols; c += n) {
        n = Strip.piece(cols - c);
        a.load(x, r, c, n);
        sum += squares(a.segment(), a.at(), padded(n));
      }
    }
    return sum;
  }

  @Override
  public void dropout(Tensor x, Tensor y, Tensor rowKeys, long salt, double p, boolean add) {
    if (x.dtype() == Dtype.F64 || y.dtype() == Dtype.F64) {
      under.dropout(x, y, rowKeys, salt, p, add);
      return;
    }
    Elementwise.check(x, y, rowKeys, p);
    Scratch scratch = Scratch.get();
    Strip a = scratch.a;
    Strip b = scratch.b;
    Strip mask = scratch.c;
    mask.scratch();
    int threshold = DropoutHash.threshold(p);
    float high = (float) (1 / (1 - p));
    float low = (float) (1 / (1 - p) - high);
    int cols = x.cols();
    for (int r = 0; r < x.rows(); r++) {
      long key = DropoutHash.key(Rows.int64(rowKeys, r), salt);
      for (int c = 0, n; c < cols; c += n) {
        n = Strip.piece(cols - c);
        int m = padded(n);
        a.load(x, r, c, n);
        Drop.mask(mask.segment(), c, m, key, threshold);
        if (add) {
          b.load(y, r, c, n);
          Drop.add(mask.segment(), a.segment(), a.at(), b.segment(), b.at(), m, high, low);
        } else {
          b.open(y, r, c, n);
          Drop.set(mask.segment(), a.segment(), a.at(), b.segment(), b.at(), m, high, low);
        }
        b.store(y, r, c, n);
      }
    }
  }

  @Override
  public void colSum(Tensor x, Tensor out, boolean add) {
    if (x.dtype() == Dtype.F64 || out.dtype() == Dtype.F64) {
      under.colSum(x, out, add);
      return;
    }
    Rows.shape("x", x, x.rows(), x.cols());
    Rows.shape("out", out, 1, x.cols());
    Scratch scratch = Scratch.get();
    Strip a = scratch.a;
    MemorySegment sum = scratch.row(8L * Strip.BLOCK);
    int cols = x.cols();
    for (int c = 0, n; c < cols; c += n) {
      n = Strip.piece(cols - c);
      Sums.clear(sum, padded(n));
      if (add) {
        a.load(out, 0, c, n);
        Sums.accumulate(a.segment(), a.at(), sum, padded(n));
      }
      for (int r = 0; r < x.rows(); r++) {
        a.load(x, r, c, n);
        Sums.accumulate(a.segment(), a.at(), sum, padded(n));
      }
      a.open(out, 0, c, n);
      Sums.floats(sum, a.segment(), a.at(), padded(n));
      a.store(out, 0, c, n);
    }
  }

  @Override
  public void scaleCols(Tensor x, Tensor factor, @Nullable Tensor shift, Tensor y) {
    if (x.dtype() == Dtype.F64
        || y.dtype() == Dtype.F64
        || factor.dtype() == Dtype.F64
        || (shift != null && shift.dtype() == Dtype.F64)) {
      under.scaleCols(x, factor, shift, y);
      return;
    }
    Elementwise.check(x, factor, shift, y);
    Scratch scratch = Scratch.get();
    Strip a = scratch.a;
    Strip f = scratch.b;
    Strip s = scratch.c;
    Strip to = scratch.d;
    int cols = x.cols();
    for (int r = 0; r < x.rows(); r++) {
      for (int c = 0, n; c < cols; c += n) {
        n = Strip.piece(cols - c);
        a.load(x, r, c, n);
        f.load(factor, 0, c, n);
        to.open(y, r, c, n);
        multiply(a.segment(), a.at(), f.segment(), f.at(), to.segment(), to.at(), padded(n));
        if (shift != null) {
          s.load(shift, 0, c, n);
          add(s.segment(), s.at(), to.segment(), to.at(), padded(n));
        }
        to.store(y, r, c, n);
      }
    }
  }

  @Override
  public void colDot(Tensor x, Tensor y, Tensor out, boolean add) {
    if (x.dtype() == Dtype.F64 || y.dtype() == Dtype.F64 || out.dtype() == Dtype.F64) {
      under.colDot(x, y, out, add);
      return;
    }
    Elementwise.same(x, y);
    Rows.shape("out", out, 1, x.cols());
    Scratch scratch = Scratch.get();
    Strip a = scratch.a;
    Strip b = scratch.b;
    Strip product = scratch.c;
    product.scratch();
    MemorySegment sum = scratch.row(8L * Strip.BLOCK);
    int cols = x.cols();
    for (int c = 0, n; c < cols; c += n) {
      n = Strip.piece(cols - c);
      int m = padded(n);
      Sums.clear(sum, m);
      if (add) {
        a.load(out, 0, c, n);
        Sums.accumulate(a.segment(), a.at(), sum, m);
      }
      for (int r = 0; r < x.rows(); r++) {
        a.load(x, r, c, n);
        b.load(y, r, c, n);
        multiply(a.segment(), a.at(), b.segment(), b.at(), product.segment(), product.at(), m);
        Sums.accumulate(product.segment(), product.at(), sum, m);
      }
      a.open(out, 0, c, n);
      Sums.floats(sum, a.segment(), a.at(), m);
      a.store(out, 0, c, n);
    }
  }

  private static void add(Scratch scratch, Tensor x, int from, Tensor y, int to) {
    Strip a = scratch.a;
    Strip b = scratch.b;
    int cols = y.cols();
    for (int c = 0, n; c < cols; c += n) {
      n = Strip.piece(cols - c);
      a.load(x, from, c, n);
      b.load(y, to, c, n);
      add(a.segment(), a.at(), b.segment(), b.at(), padded(n));
      b.store(y, to, c, n);
    }
  }

  private static void copy(Scratch scratch, Tensor src, int from, Tensor dst, int to) {
    int cols = src.cols();
    long at = Strip.offset(src, from, 0);
    long toAt = Strip.offset(dst, to, 0);
    if (src.dtype() == dst.dtype()) {
      MemorySegment.copy(src.data(), at, dst.data(), toAt, (long) src.dtype().bytes() * cols);
    } else if (src.dtype() == Dtype.BF16 && dst.dtype() == Dtype.F32) {
      Narrow.widen(src.data(), at, dst.data(), toAt, cols);
    } else if (src.dtype() == Dtype.F32 && dst.dtype() == Dtype.BF16) {
      Narrow.narrow(src.data(), at, dst.data(), toAt, cols);
    } else {
      for (int c = 0, n; c < cols; c += n) {
        n = Strip.piece(cols - c);
        scratch.a.load(src, from, c, n);
        scratch.a.store(dst, to, c, n);
      }
    }
  }

  private static void add(MemorySegment x, long at, MemorySegment y, long yAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      FloatVector b = FloatVector.fromMemorySegment(F, y, yAt + 4L * i, LE);
      a.add(b).intoMemorySegment(y, yAt + 4L * i, LE);
    }
  }

  /// z ← x ⊙ y.
  private static void multiply(
      MemorySegment x, long at, MemorySegment y, long yAt, MemorySegment z, long zAt, int n) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      FloatVector b = FloatVector.fromMemorySegment(F, y, yAt + 4L * i, LE);
      a.mul(b).intoMemorySegment(z, zAt + 4L * i, LE);
    }
  }

  private static void scale(MemorySegment x, long at, int n, float s) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      a.mul(s).intoMemorySegment(x, at + 4L * i, LE);
    }
  }

  private static double squares(MemorySegment x, long at, int n) {
    DoubleVector sum = DoubleVector.zero(D);
    for (int i = 0; i < n; i += D.length()) {
      FloatVector a = FloatVector.fromMemorySegment(FD, x, at + 4L * i, LE);
      DoubleVector v = (DoubleVector) a.convertShape(F2D, D, 0);
      sum = v.fma(v, sum);
    }
    if (D.length() > 4) {
      sum = sum.add(sum.rearrange(Species.DOUBLES_BY_4));
    }
    if (D.length() > 2) {
      sum = sum.add(sum.rearrange(Species.DOUBLES_BY_2));
    }
    return sum.add(sum.rearrange(Species.DOUBLES_BY_1)).lane(0);
  }

  /// Applies the dropout mask of [DropoutHash] to a strip.
  ///
  /// The factor 1 / (1 − p) is a pair of floats, as in [VectorSoftmaxRows], so that y + factor·x is
  /// right even if the two nearly cancel.
  private static final class Drop {
    /// The lanes' column terms of the hash's start.
    private static final IntVector STEPS = IntVector.zero(I).addIndex(1).mul(DropoutHash.COLUMN);

    private Drop() {}

    /// to[i] ← 1 if dropout keeps column `column` + i, else 0.
    static void mask(MemorySegment to, int column, int n, long key, int threshold) {
      IntVector start = STEPS.add((int) key);
      int upper = (int) (key >>> 32);
      FloatVector one = FloatVector.broadcast(F, 1f);
      for (int i = 0; i < n; i += LANES) {
        IntVector x = start.add((column + i) * DropoutHash.COLUMN);
        x = x.lanewise(XOR, x.lanewise(LSHR, 16)).mul(DropoutHash.FIRST);
        x = x.lanewise(XOR, upper);
        x = x.lanewise(XOR, x.lanewise(LSHR, 15)).mul(DropoutHash.SECOND);
        x = x.lanewise(XOR, x.lanewise(LSHR, 16)).lanewise(LSHR, 8);
        one.blend(0f, x.compare(LT, threshold).cast(F)).intoMemorySegment(to, 4L * i, LE);
      }
    }

    /// y ← mask·x·factor.
    static void set(
        MemorySegment mask,
        MemorySegment x,
        long at,
        MemorySegment y,
        long yAt,
        int n,
        float high,
        float low) {
      FloatVector h = FloatVector.broadcast(F, high);
      for (int i = 0; i < n; i += LANES) {
        FloatVector a = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
        FloatVector m = FloatVector.fromMemorySegment(F, mask, 4L * i, LE);
        FloatVector kept = a.fma(h, a.mul(low));
        kept.blend(0f, m.compare(EQ, 0f)).intoMemorySegment(y, yAt + 4L * i, LE);
      }
    }

    /// y += mask·x·factor.
    static void add(
        MemorySegment mask,
        MemorySegment x,
        long at,
        MemorySegment y,
        long yAt,
        int n,
        float high,
        float low) {
      FloatVector h = FloatVector.broadcast(F, high);
      FloatVector l = FloatVector.broadcast(F, low);
      for (int i = 0; i < n; i += LANES) {
        FloatVector a = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
        FloatVector b = FloatVector.fromMemorySegment(F, y, yAt + 4L * i, LE);
        FloatVector m = FloatVector.fromMemorySegment(F, mask, 4L * i, LE);
        FloatVector added = a.fma(l, a.fma(h, b));
        added.blend(b, m.compare(EQ, 0f)).intoMemorySegment(y, yAt + 4L * i, LE);
      }
    }
  }
}
