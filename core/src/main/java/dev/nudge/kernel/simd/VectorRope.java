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
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/// Rotates all heads of a strip, a vector of angles at a time. Pairs of neighbours stay where they
/// are: their angles are doubled once for all heads, and each number meets its neighbour by a swap.
///
/// a·cos − b·sin loses digits if the two products are close. The rounding error of the second
/// product is computed by a fused multiply-add and subtracted [1], so that the result is right to
/// a unit or two in the last place of a float everywhere, and a bf16 rounded from it is the
/// nearest one.
///
/// [1] Kahan's difference of products: Jeannerod, Louvet and Muller, Math. Comp. 82, 2013.
record VectorRope(Rope under) implements Rope {
  private static final VectorShuffle<Float> SWAPPED = VectorShuffle.fromOp(F, i -> i ^ 1);
  private static final VectorShuffle<Float> LOW = VectorShuffle.fromOp(F, i -> i / 2);
  private static final VectorShuffle<Float> HIGH = VectorShuffle.fromOp(F, i -> (LANES + i) / 2);
  private static final VectorMask<Float> FIRST = VectorMask.fromLong(F, 0x5555_5555_5555_5555L);

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
          neighbours(
              s, strip.at(), heads, headDim, half, cos.data(), cosAt, sin.data(), sinAt, sign);
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
  private static void neighbours(
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
    FloatVector signs = FloatVector.broadcast(F, sign).blend(-sign, FIRST);
    for (int i = 0; i <= half - LANES; i += LANES) {
      FloatVector c = FloatVector.fromMemorySegment(F, cos, cosAt + 4L * i, LE);
      FloatVector s = FloatVector.fromMemorySegment(F, sin, sinAt + 4L * i, LE);
      FloatVector c0 = c.rearrange(LOW);
      FloatVector c1 = c.rearrange(HIGH);
      FloatVector s0 = s.rearrange(LOW).mul(signs);
      FloatVector s1 = s.rearrange(HIGH).mul(signs);
      for (int h = 0; h < heads; h++) {
        long low = at + 8L * i + 4L * h * headDim;
        long high = low + 4L * LANES;
        FloatVector a = FloatVector.fromMemorySegment(F, x, low, LE);
        FloatVector b = a.rearrange(SWAPPED);
        FloatVector product = b.mul(s0);
        FloatVector missing = b.fma(s0, product.neg());
        a.fma(c0, product).add(missing).intoMemorySegment(x, low, LE);
        a = FloatVector.fromMemorySegment(F, x, high, LE);
        b = a.rearrange(SWAPPED);
        product = b.mul(s1);
        missing = b.fma(s1, product.neg());
        a.fma(c1, product).add(missing).intoMemorySegment(x, high, LE);
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
