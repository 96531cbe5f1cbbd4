package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.kernel.Rope;
import dev.nudge.kernel.Rows;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/// Rotates all heads of a strip, a vector of angles at a time. Pairs of neighbours are sorted into
/// a vector of first and one of second numbers, and back.
///
/// a·cos − b·sin loses digits if the two products are close. The rounding error of the second
/// product is computed by a fused multiply-add and subtracted [1], so that the result is right to
/// a unit or two in the last place of a float everywhere, and a bf16 rounded from it is the
/// nearest one.
///
/// [1] Kahan's difference of products: Jeannerod, Louvet and Muller, Math. Comp. 82, 2013.
record VectorRope(Rope under) implements Rope {
  private static final VectorShuffle<Float> FIRST = VectorShuffle.makeUnzip(F, 0);
  private static final VectorShuffle<Float> SECOND = VectorShuffle.makeUnzip(F, 1);
  private static final VectorShuffle<Float> LOW = VectorShuffle.makeZip(F, 0);
  private static final VectorShuffle<Float> HIGH = VectorShuffle.makeZip(F, 1);

  @Override
  public void apply(
      Tensor x,
      Tensor positions,
      Tensor cos,
      Tensor sin,
      int headDim,
      Pairing pairing,
      boolean inverse) {
    if (x.dtype() == Dtype.F64 || headDim > Strip.BLOCK) {
      under.apply(x, positions, cos, sin, headDim, pairing, inverse);
      return;
    }
    Rope.check(x, positions, cos, sin, headDim);
    Strip strip = Scratch.get().a;
    int half = cos.cols();
    int whole = half - half % LANES;
    int block = Strip.BLOCK / headDim * headDim;
    float sign = inverse ? -1 : 1;
    for (int r = 0; r < x.rows(); r++) {
      int position = Rows.int32(positions, r);
      Rows.index("position", position, cos.rows());
      long cosAt = Strip.offset(cos, position, 0);
      long sinAt = Strip.offset(sin, position, 0);
      for (int c = 0, n; c < x.cols(); c += n) {
        n = Math.min(block, x.cols() - c);
        strip.load(x, r, c, n);
        MemorySegment s = strip.segment();
        int heads = n / headDim;
        if (pairing == Pairing.HALVES) {
          vectors(s, strip.at(), heads, headDim, half, cos.data(), cosAt, sin.data(), sinAt, sign);
        } else {
          sorted(s, strip.at(), heads, headDim, half, cos.data(), cosAt, sin.data(), sinAt, sign);
        }
        if (whole < half) {
          rest(
              s,
              strip.at(),
              heads,
              headDim,
              half,
              whole,
              pairing,
              cos.data(),
              cosAt,
              sin.data(),
              sinAt,
              sign);
        }
        strip.store(x, r, c, n);
      }
    }
  }

  private static void vectors(
      MemorySegment x,
      long at,
      int heads,
      int headDim,
      int half,
      MemorySegment cos,
      long cosAt,
      MemorySegment sin,
      long sinAt,
      float sign) {
    for (int i = 0; i <= half - LANES; i += LANES) {
      FloatVector c = FloatVector.fromMemorySegment(F, cos, cosAt + 4L * i, LE);
      FloatVector s = FloatVector.fromMemorySegment(F, sin, sinAt + 4L * i, LE).mul(sign);
      for (int h = 0; h < heads; h++) {
        long first = at + 4L * i + 4L * h * headDim;
        long second = first + 4L * half;
        FloatVector a = FloatVector.fromMemorySegment(F, x, first, LE);
        FloatVector b = FloatVector.fromMemorySegment(F, x, second, LE);
        FloatVector minus = b.mul(s).neg();
        FloatVector lost = b.fma(s, minus);
        a.fma(c, minus).sub(lost).intoMemorySegment(x, first, LE);
        FloatVector plus = a.mul(s);
        FloatVector missing = a.fma(s, plus.neg());
        b.fma(c, plus).add(missing).intoMemorySegment(x, second, LE);
      }
    }
  }

  /// Rotates neighbouring pairs.
  private static void sorted(
      MemorySegment x,
      long at,
      int heads,
      int headDim,
      int half,
      MemorySegment cos,
      long cosAt,
      MemorySegment sin,
      long sinAt,
      float sign) {
    for (int i = 0; i <= half - LANES; i += LANES) {
      FloatVector c = FloatVector.fromMemorySegment(F, cos, cosAt + 4L * i, LE);
      FloatVector s = FloatVector.fromMemorySegment(F, sin, sinAt + 4L * i, LE).mul(sign);
      for (int h = 0; h < heads; h++) {
        long low = at + 8L * i + 4L * h * headDim;
        long high = low + 4L * LANES;
        FloatVector x0 = FloatVector.fromMemorySegment(F, x, low, LE);
        FloatVector x1 = FloatVector.fromMemorySegment(F, x, high, LE);
        FloatVector a = x0.rearrange(FIRST, x1);
        FloatVector b = x0.rearrange(SECOND, x1);
        FloatVector minus = b.mul(s).neg();
        FloatVector lost = b.fma(s, minus);
        FloatVector first = a.fma(c, minus).sub(lost);
        FloatVector plus = a.mul(s);
        FloatVector missing = a.fma(s, plus.neg());
        FloatVector second = b.fma(c, plus).add(missing);
        first.rearrange(LOW, second).intoMemorySegment(x, low, LE);
        first.rearrange(HIGH, second).intoMemorySegment(x, high, LE);
      }
    }
  }

  private static void rest(
      MemorySegment x,
      long at,
      int heads,
      int headDim,
      int half,
      int from,
      Pairing pairing,
      MemorySegment cos,
      long cosAt,
      MemorySegment sin,
      long sinAt,
      float sign) {
    for (int h = 0; h < heads; h++) {
      for (int i = from; i < half; i++) {
        long first = at + 4L * ((long) h * headDim + (long) i * pairing.step());
        long second = first + 4L * pairing.apart(half);
        double c = cos.get(JAVA_FLOAT_UNALIGNED, cosAt + 4L * i);
        double s = sign * sin.get(JAVA_FLOAT_UNALIGNED, sinAt + 4L * i);
        double a = x.get(JAVA_FLOAT_UNALIGNED, first);
        double b = x.get(JAVA_FLOAT_UNALIGNED, second);
        x.set(JAVA_FLOAT_UNALIGNED, first, (float) (a * c - b * s));
        x.set(JAVA_FLOAT_UNALIGNED, second, (float) (b * c + a * s));
      }
    }
  }
}
