package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static dev.nudge.kernel.simd.Species.padded;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.MIN;

import dev.nudge.kernel.CrossEntropy;
import dev.nudge.kernel.Rows;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import org.jspecify.annotations.Nullable;

/// Sweeps over a row of logits once forward, strip by strip, and once for the gradient.
///
/// The running maximum m and the sum S of exp(z − m) without it are kept in double [1]. A strip
/// with a larger maximum rescales S and adds the old maximum to S:
///
///     S ← (S + 1)·exp(m − m′) + Σ exp(z − m′) over the strip without its maximum
///
/// z − m is a difference of floats and rounds if they differ in size; the rounding error (Knuth's
/// two-sum) corrects the exponential to first order, so that log-probabilities are right to 1e-6
/// relative error at any size of logits.
///
/// [1] Milakov and Gimelshein, Online normalizer calculation for softmax, 2018.
record VectorCrossEntropy(CrossEntropy under) implements CrossEntropy {
  private static final IntVector STEPS = IntVector.zero(I).addIndex(1);

  @Override
  public void forward(
      Tensor logits, Tensor targets, Tensor logprob, Tensor lse, @Nullable Tensor argmax) {
    if (logits.dtype() == Dtype.F64) {
      under.forward(logits, targets, logprob, lse, argmax);
      return;
    }
    CrossEntropy.check(logits, targets, lse);
    CrossEntropy.check(logits, logprob, argmax, logits.rows());
    Scratch scratch = Scratch.get();
    Strip z = scratch.a;
    int size = logits.cols();
    for (int r = 0; r < logits.rows(); r++) {
      int t = Rows.int32(targets, r);
      Rows.index("target", t, size);
      float max = Float.NEGATIVE_INFINITY;
      int best = 0;
      double sum = 0;
      for (int c = 0, n; c < size; c += n) {
        n = Strip.piece(size - c);
        z.load(logits, r, c, n, Float.NEGATIVE_INFINITY);
        MemorySegment s = z.segment();
        float top = largest(s, z.at(), padded(n));
        if (top > max) {
          int k = first(s, z.at(), padded(n), top);
          double old = max == Float.NEGATIVE_INFINITY ? sum : (sum + 1) * Math.exp(max - top);
          sum = old + others(s, z.at(), n, k, top);
          max = top;
          best = c + k;
        } else if (max > Float.NEGATIVE_INFINITY) {
          sum += powers(s, z.at(), padded(n), max);
        } else if (Float.isNaN(total(s, z.at(), padded(n)))) {
          sum = Double.NaN;
        }
      }
      double rest = Math.log1p(sum);
      float label = at(logits, r, t);
      logprob
          .data()
          .set(JAVA_DOUBLE_UNALIGNED, Strip.offset(logprob, r, 0), ((double) label - max) - rest);
      lse.data().set(JAVA_FLOAT_UNALIGNED, Strip.offset(lse, r, 0), (float) (max + rest));
      if (argmax != null) {
        argmax.data().set(JAVA_INT_UNALIGNED, Strip.offset(argmax, r, 0), best);
      }
    }
  }

  @Override
  public void gradient(Tensor logits, Tensor targets, Tensor lse, double weight, Tensor dLogits) {
    if (logits.dtype() == Dtype.F64) {
      under.gradient(logits, targets, lse, weight, dLogits);
      return;
    }
    CrossEntropy.check(logits, targets, lse);
    Rows.shape("dLogits", dLogits, logits.rows(), logits.cols());
    Scratch scratch = Scratch.get();
    Strip z = scratch.a;
    Strip out = scratch.b;
    Strip p = scratch.c;
    p.scratch();
    int size = logits.cols();
    for (int r = 0; r < logits.rows(); r++) {
      int t = Rows.int32(targets, r);
      Rows.index("target", t, size);
      float l = at(lse, r, 0);
      float label = (float) (Math.expm1((double) at(logits, r, t) - l) * weight);
      for (int c = 0, n; c < size; c += n) {
        n = Strip.piece(size - c);
        z.load(logits, r, c, n);
        Exp.pass(z.segment(), z.at(), p.segment(), 0, padded(n), 1, l);
        if (dLogits.dtype() == Dtype.BF16) {
          MemorySegment to = dLogits.data();
          Narrow.narrow(p.segment(), 0, to, Strip.offset(dLogits, r, c), n, (float) weight);
          continue;
        }
        out.open(dLogits, r, c, n);
        scale(p.segment(), out.segment(), out.at(), padded(n), (float) weight);
        out.store(dLogits, r, c, n);
      }
      set(dLogits, r, t, label);
    }
  }

  private static float at(Tensor t, int row, int col) {
    return t.data().get(JAVA_FLOAT_UNALIGNED, Strip.offset(t, row, col));
  }

  private static void set(Tensor t, int row, int col, float v) {
    long at = Strip.offset(t, row, col);
    if (t.dtype() == Dtype.BF16) {
      t.data().set(JAVA_SHORT_UNALIGNED, at, Bf16.round(v));
    } else {
      t.data().set(JAVA_FLOAT_UNALIGNED, at, v);
    }
  }

  private static float largest(MemorySegment x, long at, int n) {
    FloatVector max = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      max = max.blend(v, v.compare(GT, max));
    }
    return max.reduceLanes(MAX);
  }

  /// The first lane that equals `value`. No early exit: a loop with one boxes its masks.
  private static int first(MemorySegment x, long at, int n, float value) {
    IntVector none = IntVector.broadcast(I, Integer.MAX_VALUE);
    IntVector least = none;
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      least = least.min(none.blend(STEPS.add(i), v.compare(EQ, value).cast(I)));
    }
    return least.reduceLanes(MIN);
  }

  /// Σ exp(z − z[k]) over the strip without k: whole vectors, and the one of k number by number.
  private static double others(MemorySegment x, long at, int n, int k, float max) {
    int from = k - k % LANES;
    int to = Math.min(from + LANES, n);
    int after = padded(n) - padded(to);
    double sum = powers(x, at, from, max) + powers(x, at + 4L * to, after, max);
    for (int i = from; i < to; i++) {
      if (i != k) {
        sum += Math.exp((double) x.get(JAVA_FLOAT_UNALIGNED, at + 4L * i) - max);
      }
    }
    return sum;
  }

  /// Σ exp(z − max) over `n` floats, whole vectors, each corrected for rounding of z − max: p·(1 +
  /// lost). The difference of two infinities is NaN, but its p is 0 and adds 0. The exponential is
  /// that of [Exp#pass].
  private static float powers(MemorySegment x, long at, int n, float max) {
    FloatVector m = FloatVector.broadcast(F, max);
    FloatVector sum = FloatVector.zero(F);
    for (int i = 0; i < n; i += LANES) {
      FloatVector z = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE);
      FloatVector s = z.sub(m);
      FloatVector shifted = s.fma(Exp.LOG2_E, Exp.MAGIC);
      FloatVector k = shifted.sub(Exp.MAGIC);
      FloatVector r = k.fma(FloatVector.broadcast(F, -Exp.LN2_HIGH), s);
      r = k.fma(FloatVector.broadcast(F, -Exp.LN2_LOW), r);
      FloatVector p = r.fma(Exp.C6, Exp.C5);
      p = p.fma(r, FloatVector.broadcast(F, Exp.C4));
      p = p.fma(r, FloatVector.broadcast(F, Exp.C3));
      p = p.fma(r, FloatVector.broadcast(F, Exp.C2));
      p = p.fma(r, FloatVector.broadcast(F, 1f));
      p = p.fma(r, FloatVector.broadcast(F, 1f));
      IntVector power = shifted.reinterpretAsInts().lanewise(LSHL, 23).add(0x3f800000);
      p = p.mul(power.reinterpretAsFloats()).blend(0f, s.compare(LT, Exp.SMALLEST));
      p = p.blend(Float.POSITIVE_INFINITY, s.compare(GT, Exp.LARGEST));
      FloatVector back = z.sub(s);
      FloatVector lost = z.sub(s.add(back)).add(back.sub(m));
      sum = sum.add(p.fma(lost, p).blend(0f, p.compare(EQ, 0f)));
    }
    if (LANES > 8) {
      sum = sum.add(sum.rearrange(Species.BY_8));
    }
    if (LANES > 4) {
      sum = sum.add(sum.rearrange(Species.BY_4));
    }
    sum = sum.add(sum.rearrange(Species.BY_2));
    return sum.add(sum.rearrange(Species.BY_1)).lane(0);
  }

  private static float total(MemorySegment x, long at, int n) {
    FloatVector sum = FloatVector.zero(F);
    for (int i = 0; i < n; i += LANES) {
      sum = sum.add(FloatVector.fromMemorySegment(F, x, at + 4L * i, LE));
    }
    if (LANES > 8) {
      sum = sum.add(sum.rearrange(Species.BY_8));
    }
    if (LANES > 4) {
      sum = sum.add(sum.rearrange(Species.BY_4));
    }
    sum = sum.add(sum.rearrange(Species.BY_2));
    return sum.add(sum.rearrange(Species.BY_1)).lane(0);
  }

  private static void scale(MemorySegment p, MemorySegment to, long toAt, int n, float weight) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, p, 4L * i, LE);
      v.mul(weight).intoMemorySegment(to, toAt + 4L * i, LE);
    }
  }
}
