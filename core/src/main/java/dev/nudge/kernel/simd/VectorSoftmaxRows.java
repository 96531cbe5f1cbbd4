package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.D;
import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.FD;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static dev.nudge.kernel.simd.Species.padded;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.F2D;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.MAX;

import dev.nudge.kernel.SoftmaxRows;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;

/// Computes a row of softmax in sweeps over strips: maximum; exponentials, sum; division.
///
/// The causal limit is not a multiple of a vector. The last vector exceeds the limit, within the
/// row, and zeros overwrite its surplus; the two reductions fill the surplus beforehand.
///
/// The scale is a double, because a float is not exact enough (c·s = 50 would be off by 3e-6): it
/// is split into two floats, and c·s − m = fma(s, low, fma(s, high, −m)) rounds near its own size.
record VectorSoftmaxRows(SoftmaxRows under) implements SoftmaxRows {
  /// Pads a last vector: its exponential is 0 at any scale above [#SMALLEST_SCALE], and unlike an
  /// infinity it gives no NaN when multiplied by a scale whose lower part is 0.
  static final float LEAST = -1e38f;

  private static final double SMALLEST_SCALE = 1e-20;

  @Override
  public void forward(
      Tensor scores, double scale, int first, int repeat, int window, Tensor probs, Tensor lse) {
    if (scores.dtype() == Dtype.F64 || !(scale > SMALLEST_SCALE)) {
      under.forward(scores, scale, first, repeat, window, probs, lse);
      return;
    }
    SoftmaxRows.check(scores, repeat, lse, probs);
    Scratch scratch = Scratch.get();
    int cols = scores.cols();
    MemorySegment powers = scratch.row(4L * padded(cols));
    float high = (float) scale;
    float low = (float) (scale - high);
    for (int r = 0; r < scores.rows(); r++) {
      int limit = SoftmaxRows.limit(first, repeat, r, cols);
      int end = Math.min(padded(limit), cols);
      int begin = SoftmaxRows.begin(limit, window);
      int from = begin - begin % LANES;
      double l = Double.NEGATIVE_INFINITY;
      if (limit > 0) {
        fill(scores, r, from, begin);
        int n = filled(scores, r, limit, end);
        float max = largest(scratch.a, scores, r, from, n) * high;
        double sum = powers(scratch.a, scores, r, from, n, powers, high, low, max);
        l = max + Math.log(sum);
        divide(scratch, powers, probs, r, from, end, (float) (1 / sum));
      }
      zero(probs, r, 0, begin);
      zero(probs, r, limit, cols);
      lse.data().set(JAVA_FLOAT_UNALIGNED, Strip.offset(lse, r, 0), (float) l);
    }
  }

  @Override
  public void backward(
      Tensor scores,
      double scale,
      int first,
      int repeat,
      int window,
      Tensor lse,
      Tensor dP,
      Tensor d,
      Tensor probs,
      Tensor dS) {
    if (scores.dtype() == Dtype.F64) {
      under.backward(scores, scale, first, repeat, window, lse, dP, d, probs, dS);
      return;
    }
    SoftmaxRows.check(scores, repeat, lse, probs);
    SoftmaxRows.check(dP, repeat, d, dS);
    Scratch scratch = Scratch.get();
    Strip a = scratch.a;
    Strip g = scratch.b;
    Strip out = scratch.c;
    Strip p = scratch.d;
    int cols = scores.cols();
    float high = (float) scale;
    float low = (float) (scale - high);
    for (int r = 0; r < scores.rows(); r++) {
      int limit = SoftmaxRows.limit(first, repeat, r, cols);
      int end = Math.min(padded(limit), cols);
      int begin = SoftmaxRows.begin(limit, window);
      float l = at(lse, r);
      float dot = at(d, r);
      for (int c = begin - begin % LANES, n; c < end; c += n) {
        n = Strip.piece(end - c);
        a.load(scores, r, c, n);
        g.load(dP, r, c, n);
        if (Bf16Sweeps.take(probs, n) && Bf16Sweeps.take(dS, n)) {
          p.scratch();
          powers(a.segment(), a.at(), p.segment(), 0, n, high, low, l);
          Bf16Sweeps.softmax(
              p.segment(),
              g.segment(),
              g.at(),
              probs.data(),
              Strip.offset(probs, r, c),
              dS.data(),
              Strip.offset(dS, r, c),
              n,
              (float) scale,
              dot);
          continue;
        }
        p.open(probs, r, c, n);
        out.open(dS, r, c, n);
        powers(a.segment(), a.at(), p.segment(), p.at(), padded(n), high, low, l);
        gradient(p, g, out, padded(n), (float) scale, dot);
        p.store(probs, r, c, n);
        out.store(dS, r, c, n);
      }
      zero(probs, r, 0, begin);
      zero(dS, r, 0, begin);
      zero(probs, r, limit, cols);
      zero(dS, r, limit, cols);
    }
  }

  @Override
  public void rowDots(Tensor a, Tensor b, int heads, Tensor out) {
    if (a.dtype() == Dtype.F64 || b.dtype() == Dtype.F64 || out.dtype() == Dtype.F64) {
      under.rowDots(a, b, heads, out);
      return;
    }
    SoftmaxRows.check(a, b, heads, out);
    int headDim = a.cols() / heads;
    if (headDim % LANES == 0 && headDim <= Strip.BLOCK) { // heads of whole vectors
      if (a.dtype() == Dtype.BF16 && b.dtype() == Dtype.BF16) {
        lowDots(a, b, heads, out);
      } else {
        wholeDots(a, b, heads, out);
      }
      return;
    }
    Scratch scratch = Scratch.get();
    Strip x = scratch.a;
    Strip y = scratch.b;
    for (int r = 0; r < a.rows(); r++) {
      for (int h = 0; h < heads; h++) {
        double dot = 0;
        for (int c = 0, n; c < headDim; c += n) {
          n = Strip.piece(headDim - c);
          x.load(a, r, h * headDim + c, n);
          y.load(b, r, h * headDim + c, n);
          dot += dot(x.segment(), x.at(), y.segment(), y.at(), padded(n));
        }
        out.data().set(JAVA_FLOAT_UNALIGNED, Strip.offset(out, r, h), (float) dot);
      }
    }
  }

  /// Computes the dot products of [#rowDots] for heads of whole bf16 vectors.
  private static void lowDots(Tensor a, Tensor b, int heads, Tensor out) {
    int headDim = a.cols() / heads;
    for (int r = 0; r < a.rows(); r++) {
      Bf16Sweeps.dots(
          a.data(),
          Strip.offset(a, r, 0),
          b.data(),
          Strip.offset(b, r, 0),
          out.data(),
          Strip.offset(out, r, 0),
          heads,
          headDim);
    }
  }

  /// Computes the dot products of [#rowDots] for heads of whole vectors: one call loads as many
  /// heads as a strip holds.
  private static void wholeDots(Tensor a, Tensor b, int heads, Tensor out) {
    Scratch scratch = Scratch.get();
    Strip x = scratch.a;
    Strip y = scratch.b;
    int headDim = a.cols() / heads;
    int together = Strip.BLOCK / headDim;
    for (int r = 0; r < a.rows(); r++) {
      for (int h = 0, n; h < heads; h += n) {
        n = Math.min(together, heads - h);
        x.load(a, r, h * headDim, n * headDim);
        y.load(b, r, h * headDim, n * headDim);
        for (int i = 0; i < n; i++) {
          long at = 4L * i * headDim;
          double dot = dot(x.segment(), x.at() + at, y.segment(), y.at() + at, headDim);
          out.data().set(JAVA_FLOAT_UNALIGNED, Strip.offset(out, r, h + i), (float) dot);
        }
      }
    }
  }

  private static float at(Tensor column, int row) {
    return column.data().get(JAVA_FLOAT_UNALIGNED, Strip.offset(column, row, 0));
  }

  /// probs ← exponentials · factor, the columns from … n of a row.
  private static void divide(
      Scratch scratch, MemorySegment powers, Tensor probs, int r, int from, int n, float factor) {
    if (probs.dtype() == Dtype.BF16) {
      Narrow.narrow(
          powers, 4L * from, probs.data(), Strip.offset(probs, r, from), n - from, factor);
      return;
    }
    Strip out = scratch.a;
    for (int c = from, m; c < n; c += m) {
      m = Strip.piece(n - c);
      out.open(probs, r, c, m);
      divide(powers, 4L * c, out.segment(), out.at(), padded(m), factor);
      out.store(probs, r, c, m);
    }
  }

  private static void divide(
      MemorySegment x, long at, MemorySegment to, long toAt, int n, float factor) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      v.mul(factor).intoMemorySegment(to, toAt + 4L * i, LE);
    }
  }

  /// Fills a row's last vector beyond the limit, if it ends in the row, so that the row is whole
  /// vectors; returns the number of columns to sweep.
  private static int filled(Tensor scores, int r, int limit, int end) {
    if (end % LANES != 0) {
      return limit;
    }
    fill(scores, r, limit, end);
    return end;
  }

  /// Pads the columns from … to of a row.
  private static void fill(Tensor scores, int r, int from, int to) {
    MemorySegment s = scores.data();
    long at = Strip.offset(scores, r, from);
    for (int c = from; c < to; c++, at += 4) {
      s.set(JAVA_FLOAT_UNALIGNED, at, LEAST);
    }
  }

  /// Zeros in the columns from … to of a row.
  private static void zero(Tensor t, int r, int from, int to) {
    MemorySegment s = t.data();
    long at = Strip.offset(t, r, from);
    long end = Strip.offset(t, r, to);
    for (; at <= end - 8; at += 8) {
      s.set(JAVA_LONG_UNALIGNED, at, 0);
    }
    for (; at < end; at++) {
      s.set(JAVA_BYTE, at, (byte) 0);
    }
  }

  private static float largest(Strip a, Tensor scores, int r, int from, int limit) {
    float max = Float.NEGATIVE_INFINITY;
    for (int c = from, n; c < limit; c += n) {
      n = Strip.piece(limit - c);
      a.load(scores, r, c, n, LEAST);
      max = Math.max(max, largest(a.segment(), a.at(), padded(n)));
    }
    return max;
  }

  static float largest(MemorySegment x, long at, int n) {
    FloatVector max = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      max = max.blend(v, v.compare(GT, max));
    }
    return max.reduceLanes(MAX);
  }

  private static double powers(
      Strip a,
      Tensor scores,
      int r,
      int from,
      int limit,
      MemorySegment to,
      float high,
      float low,
      float max) {
    double sum = 0;
    for (int c = from, n; c < limit; c += n) {
      n = Strip.piece(limit - c);
      a.load(scores, r, c, n, LEAST);
      sum += powers(a.segment(), a.at(), to, 4L * c, padded(n), high, low, max);
    }
    return sum;
  }

  /// to ← exp(x·(high + low) − minus); one sweep if the scale is a float, such as a power of two.
  static float powers(
      MemorySegment x,
      long at,
      MemorySegment to,
      long toAt,
      int n,
      float high,
      float low,
      float minus) {
    if (low == 0) {
      return Exp.pass(x, at, to, toAt, n, high, minus);
    }
    exponents(x, at, to, toAt, n, high, low, minus);
    return Exp.pass(to, toAt, to, toAt, n, 1, 0);
  }

  /// to ← x·(high + low) − minus.
  private static void exponents(
      MemorySegment x,
      long at,
      MemorySegment to,
      long toAt,
      int n,
      float high,
      float low,
      float minus) {
    FloatVector h = FloatVector.broadcast(F, high);
    FloatVector l = FloatVector.broadcast(F, low);
    FloatVector m = FloatVector.broadcast(F, -minus);
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      v.fma(l, v.fma(h, m)).intoMemorySegment(to, toAt + 4L * i, LE);
    }
  }

  private static void gradient(Strip probs, Strip dP, Strip to, int n, float scale, float d) {
    MemorySegment probss = probs.segment();
    long at = probs.at();
    MemorySegment dPs = dP.segment();
    long dPAt = dP.at();
    MemorySegment tos = to.segment();
    long toAt = to.at();
    for (int i = 0; i < n; i += LANES) {
      FloatVector p = FloatVector.fromMemorySegment(F, probss, at + 4L * i, LE);
      FloatVector g = FloatVector.fromMemorySegment(F, dPs, dPAt + 4L * i, LE);
      p.mul(scale).mul(g.sub(d)).intoMemorySegment(tos, toAt + 4L * i, LE);
    }
  }

  private static double dot(MemorySegment x, long xAt, MemorySegment y, long yAt, int n) {
    DoubleVector sum = DoubleVector.zero(D);
    for (int i = 0; i < n; i += D.length()) {
      FloatVector a = FloatVector.fromMemorySegment(FD, x, xAt + 4L * i, LE);
      FloatVector b = FloatVector.fromMemorySegment(FD, y, yAt + 4L * i, LE);
      DoubleVector p = (DoubleVector) a.convertShape(F2D, D, 0);
      sum = p.fma((DoubleVector) b.convertShape(F2D, D, 0), sum);
    }
    if (D.length() > 4) {
      sum = sum.add(sum.rearrange(Species.DOUBLES_BY_4));
    }
    if (D.length() > 2) {
      sum = sum.add(sum.rearrange(Species.DOUBLES_BY_2));
    }
    return sum.add(sum.rearrange(Species.DOUBLES_BY_1)).lane(0);
  }
}
