package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Shapes.F;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

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
  private static final float MAGIC = 0x1.8p23f;
  private static final float LOG2_E = 0x1.715476p0f;
  private static final float LN2_HIGH = 0x1.62e43p-1f;
  private static final float LN2_LOW = -0x1.05c61p-29f;
  private static final float C2 = 0x1.0p-1f;
  private static final float C3 = 0x1.5554dcp-3f;
  private static final float C4 = 0x1.555518p-5f;
  private static final float C5 = 0x1.120be2p-7f;
  private static final float C6 = 0x1.6d117cp-10f;

  /// ln(2⁻¹²⁶): below it results are no normal floats.
  private static final float SMALLEST = -87.33654f;

  /// 127.5·ln 2: above it 2ⁿ is no float.
  private static final float LARGEST = 88.37626f;

  private Exp() {}

  /// eˣ for any x.
  static FloatVector exp(FloatVector x) {
    return below(x).blend(Float.POSITIVE_INFINITY, x.compare(GT, LARGEST));
  }

  /// eˣ for x below 88, as the arguments of a softmax are; unspecified above.
  static FloatVector below(FloatVector x) {
    FloatVector shifted = x.fma(LOG2_E, MAGIC);
    FloatVector n = shifted.sub(MAGIC);
    FloatVector r = n.fma(FloatVector.broadcast(F, -LN2_HIGH), x);
    return finish(x, shifted, n.fma(FloatVector.broadcast(F, -LN2_LOW), r));
  }

  private static FloatVector finish(FloatVector x, FloatVector shifted, FloatVector r) {
    FloatVector p = r.fma(C6, C5);
    p = p.fma(r, FloatVector.broadcast(F, C4));
    p = p.fma(r, FloatVector.broadcast(F, C3));
    p = p.fma(r, FloatVector.broadcast(F, C2));
    p = p.fma(r, FloatVector.broadcast(F, 1f));
    p = p.fma(r, FloatVector.broadcast(F, 1f));
    FloatVector power =
        shifted.reinterpretAsInts().lanewise(LSHL, 23).add(0x3f800000).reinterpretAsFloats();
    VectorMask<Float> tiny = x.compare(LT, SMALLEST);
    return p.mul(power).blend(0f, tiny);
  }

  /// e^(x + y) where y is a correction, far smaller than a unit of x.
  static FloatVector below(FloatVector x, FloatVector y) {
    FloatVector shifted = x.fma(LOG2_E, MAGIC);
    FloatVector n = shifted.sub(MAGIC);
    FloatVector r = n.fma(FloatVector.broadcast(F, -LN2_HIGH), x);
    return finish(x, shifted, n.fma(FloatVector.broadcast(F, -LN2_LOW), r).add(y));
  }
}
