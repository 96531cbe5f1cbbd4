package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/// Computes eˣ on float lanes to about one unit in the last place.
///
/// The textbook reduction [1]: n = round(x / ln 2), r = x − n·ln 2 in two steps, |r| ≤ ln 2 / 2,
/// and
///
///     eˣ = 2ⁿ · (1 + r + r²·q(r))
///
/// q has degree 4 and interpolates (eʳ − 1 − r) / r² at the Chebyshev points of the interval (found
/// in 50 digits; error 2⁻²⁶·⁵ of eʳ, a sixth of half a unit). The rounding adds and subtracts
/// 1.5·2²³: the sum's low bits are n, so that 2ⁿ is a shift away. `lanewise(EXP)` is not used
/// because it is a call.
///
/// Below ln(2⁻¹²⁶) the result is 0, for −∞ too; a NaN stays one.
///
/// [1] Muller, Elementary Functions, 3rd edition, chapter 11.
final class Exp {
  static final float MAGIC = 0x1.8p23f;
  static final float LOG2_E = 0x1.715476p0f;
  static final float LN2_HIGH = 0x1.62e43p-1f;
  static final float LN2_LOW = -0x1.05c61p-29f;
  static final float C2 = 0x1.0p-1f;
  static final float C3 = 0x1.5554dcp-3f;
  static final float C4 = 0x1.555518p-5f;
  static final float C5 = 0x1.120be2p-7f;
  static final float C6 = 0x1.6d117cp-10f;

  /// ln(2⁻¹²⁶): smaller results are not normal floats.
  static final float SMALLEST = -87.33654f;

  /// 127.5·ln 2: above it 2ⁿ overflows.
  static final float LARGEST = 88.37626f;

  private Exp() {}

  /// to[i] ← exp(scale·x[i] − minus) over `n` floats, whole vectors; may be in place. The
  /// exponent is rounded once.
  ///
  /// It is a loop and not a function of a vector: a method with vector arguments is inlined only
  /// until the compiler compiles it by itself; then every call boxes its arguments.
  ///
  /// @return the sum of the outputs
  static float pass(
      MemorySegment x, long at, MemorySegment to, long toAt, int n, float scale, float minus) {
    FloatVector factor = FloatVector.broadcast(F, scale);
    FloatVector shift = FloatVector.broadcast(F, -minus);
    FloatVector sum = FloatVector.zero(F);
    for (int i = 0; i < n; i += LANES) {
      FloatVector v = FloatVector.fromMemorySegment(F, x, at + 4L * i, LE).fma(factor, shift);
      FloatVector shifted = v.fma(LOG2_E, MAGIC);
      FloatVector k = shifted.sub(MAGIC);
      FloatVector r = k.fma(FloatVector.broadcast(F, -LN2_HIGH), v);
      r = k.fma(FloatVector.broadcast(F, -LN2_LOW), r);
      FloatVector p = r.fma(C6, C5);
      p = p.fma(r, FloatVector.broadcast(F, C4));
      p = p.fma(r, FloatVector.broadcast(F, C3));
      p = p.fma(r, FloatVector.broadcast(F, C2));
      p = p.fma(r, FloatVector.broadcast(F, 1f));
      p = p.fma(r, FloatVector.broadcast(F, 1f));
      IntVector power = shifted.reinterpretAsInts().lanewise(LSHL, 23).add(0x3f800000);
      p = p.mul(power.reinterpretAsFloats()).blend(0f, v.compare(LT, SMALLEST));
      p = p.blend(Float.POSITIVE_INFINITY, v.compare(GT, LARGEST));
      p.intoMemorySegment(to, toAt + 4L * i, LE);
      sum = sum.add(p);
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
}
