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

/// Rotates all heads of a strip, a vector of angles at a time.
///
/// a·cos − b·sin loses digits if the two products are close. The rounding error of the second
/// product is computed by a fused multiply-add and subtracted [1], so that the result is right to
/// a unit or two in the last place of a float everywhere, and a bf16 rounded from it is the
/// nearest one.
///
/// [1] Kahan's difference of products: Jeannerod, Louvet and Muller, Math. Comp. 82, 2013.
record VectorRope(Rope under) implements Rope {
  @Override
  public void apply(
      Tensor x, Tensor positions, Tensor cos, Tensor sin, int headDim, boolean inverse) {
    if (x.dtype() == Dtype.F64 || headDim > Strip.BLOCK) {
      under.apply(x, positions, cos, sin, headDim, inverse);
      return;
    }
    Rope.check(x, positions, cos, sin, headDim);
    Strip strip = Scratch.get().a;
    int block = Strip.BLOCK / headDim * headDim;
    float sign = inverse ? -1 : 1;
    for (int r = 0; r < x.rows(); r++) {
      int position = Rows.int32(positions, r);
      Rows.index("position", position, cos.rows());
      for (int c = 0, n; c < x.cols(); c += n) {
        n = Math.min(block, x.cols() - c);
        strip.load(x, r, c, n);
        vectors(strip, n / headDim, headDim, cos, sin, position, sign);
        rest(strip, n / headDim, headDim, cos, sin, position, sign);
        strip.store(x, r, c, n);
      }
    }
  }

  private static void vectors(
      Strip strip, int heads, int headDim, Tensor cos, Tensor sin, int position, float sign) {
    MemorySegment x = strip.segment();
    long at = strip.at();
    MemorySegment coss = cos.data();
    MemorySegment sins = sin.data();
    long row = Strip.offset(cos, position, 0);
    long sinRow = Strip.offset(sin, position, 0);
    int half = cos.cols();
    for (int i = 0; i <= half - LANES; i += LANES) {
      FloatVector c = FloatVector.fromMemorySegment(F, coss, row + 4L * i, LE);
      FloatVector s = FloatVector.fromMemorySegment(F, sins, sinRow + 4L * i, LE).mul(sign);
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

  private static void rest(
      Strip strip, int heads, int headDim, Tensor cos, Tensor sin, int position, float sign) {
    MemorySegment x = strip.segment();
    long at = strip.at();
    MemorySegment coss = cos.data();
    MemorySegment sins = sin.data();
    long row = Strip.offset(cos, position, 0);
    long sinRow = Strip.offset(sin, position, 0);
    int half = cos.cols();
    for (int h = 0; h < heads; h++) {
      for (int i = half - half % LANES; i < half; i++) {
        long first = at + 4L * ((long) h * headDim + i);
        long second = first + 4L * half;
        double c = coss.get(JAVA_FLOAT_UNALIGNED, row + 4L * i);
        double s = sign * sins.get(JAVA_FLOAT_UNALIGNED, sinRow + 4L * i);
        double a = x.get(JAVA_FLOAT_UNALIGNED, first);
        double b = x.get(JAVA_FLOAT_UNALIGNED, second);
        x.set(JAVA_FLOAT_UNALIGNED, first, (float) (a * c - b * s));
        x.set(JAVA_FLOAT_UNALIGNED, second, (float) (b * c + a * s));
      }
    }
  }
}
