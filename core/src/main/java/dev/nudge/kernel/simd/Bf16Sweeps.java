package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static dev.nudge.kernel.simd.Species.S;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/// Final sweeps over strips that read and write bf16 in place: the rounding of [Narrow] is inlined
/// into the loops, which saves a sweep through scratch.
///
/// NaN needs no special case here: NaNs that bf16 arithmetic produces or propagates have zeros in
/// the lower half, so rounding does not carry into the upper half.
///
/// Whole vectors only; outputs may overwrite bf16 inputs.
final class Bf16Sweeps {
  private Bf16Sweeps() {}

  /// Returns whether the sweeps support `n` columns of a tensor.
  static boolean take(Tensor t, int n) {
    return t.dtype() == Dtype.BF16 && n % LANES == 0;
  }

  /// h ← e·σ(e)·u; the exponential is that of [Exp#pass].
  static void gated(
      MemorySegment e, long eAt, MemorySegment u, long uAt, MemorySegment h, long hAt, int n) {
    FloatVector one = FloatVector.broadcast(F, 1f);
    for (int i = 0; i < n; i += LANES) {
      ShortVector low = ShortVector.fromMemorySegment(S, e, eAt + 2L * i, LE);
      IntVector wide = (IntVector) low.convertShape(ZERO_EXTEND_S2I, I, 0);
      FloatVector x = wide.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector v = x.neg();
      FloatVector shifted = v.fma(Exp.LOG2_E, Exp.MAGIC);
      FloatVector k = shifted.sub(Exp.MAGIC);
      FloatVector r = k.fma(FloatVector.broadcast(F, -Exp.LN2_HIGH), v);
      r = k.fma(FloatVector.broadcast(F, -Exp.LN2_LOW), r);
      FloatVector p = r.fma(Exp.C6, Exp.C5);
      p = p.fma(r, FloatVector.broadcast(F, Exp.C4));
      p = p.fma(r, FloatVector.broadcast(F, Exp.C3));
      p = p.fma(r, FloatVector.broadcast(F, Exp.C2));
      p = p.fma(r, one);
      p = p.fma(r, one);
      IntVector power = shifted.reinterpretAsInts().lanewise(LSHL, 23).add(0x3f800000);
      p = p.mul(power.reinterpretAsFloats()).blend(0f, v.compare(LT, Exp.SMALLEST));
      p = p.blend(Float.POSITIVE_INFINITY, v.compare(GT, Exp.LARGEST));
      FloatVector s = one.div(p.add(1f));
      low = ShortVector.fromMemorySegment(S, u, uAt + 2L * i, LE);
      wide = (IntVector) low.convertShape(ZERO_EXTEND_S2I, I, 0);
      FloatVector y = wide.lanewise(LSHL, 16).reinterpretAsFloats();
      IntVector bits = s.mul(x).mul(y).reinterpretAsInts();
      bits = bits.add(bits.lanewise(LSHR, 16).and(1).add(0x7fff)).lanewise(LSHR, 16);
      bits.convertShape(I2S, S, 0).intoMemorySegment(h, hAt + 2L * i, LE);
    }
  }

  /// With g = e·σ(e) and its slope σ·(1 + e·(1 − σ)): dU ← dh·g, dE ← dh·u·slope, h ← g·u; the
  /// exponential is that of [Exp#pass].
  static void gradients(
      MemorySegment e,
      long eAt,
      MemorySegment u,
      long uAt,
      MemorySegment dh,
      long dhAt,
      MemorySegment dE,
      long dEAt,
      MemorySegment dU,
      long dUAt,
      MemorySegment h,
      long hAt,
      int n) {
    FloatVector one = FloatVector.broadcast(F, 1f);
    for (int i = 0; i < n; i += LANES) {
      ShortVector low = ShortVector.fromMemorySegment(S, e, eAt + 2L * i, LE);
      IntVector wide = (IntVector) low.convertShape(ZERO_EXTEND_S2I, I, 0);
      FloatVector x = wide.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector v = x.neg();
      FloatVector shifted = v.fma(Exp.LOG2_E, Exp.MAGIC);
      FloatVector k = shifted.sub(Exp.MAGIC);
      FloatVector r = k.fma(FloatVector.broadcast(F, -Exp.LN2_HIGH), v);
      r = k.fma(FloatVector.broadcast(F, -Exp.LN2_LOW), r);
      FloatVector p = r.fma(Exp.C6, Exp.C5);
      p = p.fma(r, FloatVector.broadcast(F, Exp.C4));
      p = p.fma(r, FloatVector.broadcast(F, Exp.C3));
      p = p.fma(r, FloatVector.broadcast(F, Exp.C2));
      p = p.fma(r, one);
      p = p.fma(r, one);
      IntVector power = shifted.reinterpretAsInts().lanewise(LSHL, 23).add(0x3f800000);
      p = p.mul(power.reinterpretAsFloats()).blend(0f, v.compare(LT, Exp.SMALLEST));
      p = p.blend(Float.POSITIVE_INFINITY, v.compare(GT, Exp.LARGEST));
      FloatVector s = one.div(p.add(1f));
      FloatVector gated = s.mul(x);
      FloatVector slope = one.sub(s).fma(x, one).mul(s);
      low = ShortVector.fromMemorySegment(S, u, uAt + 2L * i, LE);
      wide = (IntVector) low.convertShape(ZERO_EXTEND_S2I, I, 0);
      FloatVector y = wide.lanewise(LSHL, 16).reinterpretAsFloats();
      low = ShortVector.fromMemorySegment(S, dh, dhAt + 2L * i, LE);
      wide = (IntVector) low.convertShape(ZERO_EXTEND_S2I, I, 0);
      FloatVector g = wide.lanewise(LSHL, 16).reinterpretAsFloats();
      IntVector bits = g.mul(gated).reinterpretAsInts();
      bits = bits.add(bits.lanewise(LSHR, 16).and(1).add(0x7fff)).lanewise(LSHR, 16);
      bits.convertShape(I2S, S, 0).intoMemorySegment(dU, dUAt + 2L * i, LE);
      bits = g.mul(y).mul(slope).reinterpretAsInts();
      bits = bits.add(bits.lanewise(LSHR, 16).and(1).add(0x7fff)).lanewise(LSHR, 16);
      bits.convertShape(I2S, S, 0).intoMemorySegment(dE, dEAt + 2L * i, LE);
      bits = gated.mul(y).reinterpretAsInts();
      bits = bits.add(bits.lanewise(LSHR, 16).and(1).add(0x7fff)).lanewise(LSHR, 16);
      bits.convertShape(I2S, S, 0).intoMemorySegment(h, hAt + 2L * i, LE);
    }
  }

  /// sum ← x + delta, rounded; `to` ← the rounded sum as floats.
  static void residual(
      MemorySegment x,
      long xAt,
      MemorySegment delta,
      long deltaAt,
      MemorySegment sum,
      long sumAt,
      MemorySegment to,
      int n) {
    for (int i = 0; i < n; i += LANES) {
      ShortVector low = ShortVector.fromMemorySegment(S, x, xAt + 2L * i, LE);
      IntVector wide = (IntVector) low.convertShape(ZERO_EXTEND_S2I, I, 0);
      FloatVector a = wide.lanewise(LSHL, 16).reinterpretAsFloats();
      low = ShortVector.fromMemorySegment(S, delta, deltaAt + 2L * i, LE);
      wide = (IntVector) low.convertShape(ZERO_EXTEND_S2I, I, 0);
      FloatVector b = wide.lanewise(LSHL, 16).reinterpretAsFloats();
      IntVector bits = a.add(b).reinterpretAsInts();
      bits = bits.add(bits.lanewise(LSHR, 16).and(1).add(0x7fff)).lanewise(LSHR, 16);
      bits.convertShape(I2S, S, 0).intoMemorySegment(sum, sumAt + 2L * i, LE);
      bits.lanewise(LSHL, 16).intoMemorySegment(to, 4L * i, LE);
    }
  }

  /// y ← s·rho·w, s and w float.
  static void normed(
      MemorySegment s, MemorySegment w, MemorySegment y, long yAt, int n, float rho) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector a = FloatVector.fromMemorySegment(F, s, 4L * i, LE);
      FloatVector k = FloatVector.fromMemorySegment(F, w, 4L * i, LE);
      IntVector bits = a.mul(rho).mul(k).reinterpretAsInts();
      bits = bits.add(bits.lanewise(LSHR, 16).and(1).add(0x7fff)).lanewise(LSHR, 16);
      bits.convertShape(I2S, S, 0).intoMemorySegment(y, yAt + 2L * i, LE);
    }
  }

  /// dS ← dS + rho·dy·w + minus·s, float as dy, w and s are; rounded into `low`; y ← s·rho·w.
  static void norm(
      MemorySegment dy,
      long dyAt,
      MemorySegment w,
      MemorySegment s,
      MemorySegment dS,
      long dSAt,
      MemorySegment low,
      long lowAt,
      MemorySegment y,
      long yAt,
      int n,
      float rho,
      float minus) {
    FloatVector scale = FloatVector.broadcast(F, rho);
    for (int i = 0; i < n; i += LANES) {
      FloatVector g = FloatVector.fromMemorySegment(F, dy, dyAt + 4L * i, LE);
      FloatVector k = FloatVector.fromMemorySegment(F, w, 4L * i, LE);
      FloatVector x = FloatVector.fromMemorySegment(F, s, 4L * i, LE);
      FloatVector sum = FloatVector.fromMemorySegment(F, dS, dSAt + 4L * i, LE);
      sum = g.mul(k).fma(scale, x.mul(minus)).add(sum);
      sum.intoMemorySegment(dS, dSAt + 4L * i, LE);
      IntVector bits = sum.reinterpretAsInts();
      bits = bits.add(bits.lanewise(LSHR, 16).and(1).add(0x7fff)).lanewise(LSHR, 16);
      bits.convertShape(I2S, S, 0).intoMemorySegment(low, lowAt + 2L * i, LE);
      bits = x.mul(rho).mul(k).reinterpretAsInts();
      bits = bits.add(bits.lanewise(LSHR, 16).and(1).add(0x7fff)).lanewise(LSHR, 16);
      bits.convertShape(I2S, S, 0).intoMemorySegment(y, yAt + 2L * i, LE);
    }
  }

  /// probs ← p, dS ← p·scale·(dP − d).
  static void softmax(
      MemorySegment p,
      MemorySegment dP,
      long dPAt,
      MemorySegment probs,
      long probsAt,
      MemorySegment dS,
      long dSAt,
      int n,
      float scale,
      float d) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, p, 4L * i, LE);
      FloatVector g = FloatVector.fromMemorySegment(F, dP, dPAt + 4L * i, LE);
      IntVector bits = v.reinterpretAsInts();
      bits = bits.add(bits.lanewise(LSHR, 16).and(1).add(0x7fff)).lanewise(LSHR, 16);
      bits.convertShape(I2S, S, 0).intoMemorySegment(probs, probsAt + 2L * i, LE);
      bits = v.mul(scale).mul(g.sub(d)).reinterpretAsInts();
      bits = bits.add(bits.lanewise(LSHR, 16).and(1).add(0x7fff)).lanewise(LSHR, 16);
      bits.convertShape(I2S, S, 0).intoMemorySegment(dS, dSAt + 2L * i, LE);
    }
  }

  /// out[i] ← Σ a·b over `dim` columns of head i, float.
  static void dots(
      MemorySegment a,
      long aAt,
      MemorySegment b,
      long bAt,
      MemorySegment out,
      long outAt,
      int heads,
      int dim) {
    for (int h = 0; h < heads; h++) {
      FloatVector sum = FloatVector.zero(F);
      for (int i = h * dim; i < (h + 1) * dim; i += LANES) {
        ShortVector low = ShortVector.fromMemorySegment(S, a, aAt + 2L * i, LE);
        IntVector wide = (IntVector) low.convertShape(ZERO_EXTEND_S2I, I, 0);
        FloatVector x = wide.lanewise(LSHL, 16).reinterpretAsFloats();
        low = ShortVector.fromMemorySegment(S, b, bAt + 2L * i, LE);
        wide = (IntVector) low.convertShape(ZERO_EXTEND_S2I, I, 0);
        sum = wide.lanewise(LSHL, 16).reinterpretAsFloats().fma(x, sum);
      }
      if (LANES > 8) {
        sum = sum.add(sum.rearrange(Species.BY_8));
      }
      if (LANES > 4) {
        sum = sum.add(sum.rearrange(Species.BY_4));
      }
      sum = sum.add(sum.rearrange(Species.BY_2));
      float dot = sum.add(sum.rearrange(Species.BY_1)).lane(0);
      out.set(JAVA_FLOAT_UNALIGNED, outAt + 4L * h, dot);
    }
  }
}
