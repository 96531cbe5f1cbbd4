package dev.nudge.calibrate;

import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import org.jspecify.annotations.Nullable;

/// The grid of a group of weights: w ≈ scale · (code − zero), codes of some bits.
///
/// With lo ≤ 0 ≤ hi around the weights and n = 2^bits − 1: asymmetric, scale = (hi − lo)/n and
/// zero = round(−lo/scale); symmetric, lo = −hi and zero the middle code, so the largest weight is
/// cut to 7 of 7.5 steps. AutoAWQ leaves 0 out where all weights of a group have one sign, and then
/// has no zero for it; here every group holds it.
///
/// @param symmetric whether the zero is the middle code
/// @param type in which the scale is stored; it is rounded before codes are taken
record Grid(int bits, boolean symmetric, Dtype type) {
  int most() {
    return (1 << bits) - 1;
  }

  /// The extent of a group's grid.
  record Fit(float scale, int zero) {}

  /// Fits a grid to `n` weights from `from` on, cut to ±`limit`.
  Fit fit(float[] w, int from, int n, float limit) {
    float lo = 0;
    float hi = 0;
    for (int i = from; i < from + n; i++) {
      float cut = Math.clamp(w[i], -limit, limit);
      lo = Math.min(lo, cut);
      hi = Math.max(hi, cut);
    }
    if (lo == hi) { // all are 0
      hi = 1;
      lo = -1;
    }
    if (symmetric) {
      return new Fit(stored(2.0 * Math.max(hi, -lo) / most()), (most() + 1) / 2);
    }
    float scale = stored(((double) hi - lo) / most());
    return new Fit(scale, (int) Math.clamp(Math.rint(-lo / (double) scale), 0, most()));
  }

  /// Rounds a scale as its file does; it stays above 0 and finite.
  private float stored(double scale) {
    float rounded = rounded(type, type == Dtype.F16 ? Math.min(scale, 65504) : scale);
    return rounded > 0 ? rounded : type == Dtype.F16 ? 0x1p-24f : Float.MIN_NORMAL;
  }

  /// The number of a type that is nearest to a value.
  static float rounded(@Nullable Dtype type, double value) {
    return switch (type) {
      case F16 -> Float.float16ToFloat(Float.floatToFloat16((float) value));
      case BF16 -> Bf16.toFloat(Bf16.round(value));
      case null, default -> (float) value;
    };
  }

  /// The code nearest to a weight.
  int code(float w, Fit fit) {
    return (int) Math.clamp(Math.rint(w / fit.scale) + fit.zero, 0, most());
  }

  /// The weight that a code stands for.
  static float value(int code, Fit fit) {
    return fit.scale * (code - fit.zero);
  }
}
