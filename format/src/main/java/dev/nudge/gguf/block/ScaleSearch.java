package dev.nudge.gguf.block;

/// Searches the scale of a group of numbers, by weighted least squares over candidates.
///
/// A candidate scale assigns each number its nearest code; for these codes the best scale (and
/// minimum) has a closed form; the candidate with the least weighted error is kept. Large numbers
/// weigh more, as they matter more in a product: x² for signed codes, |x| + rms(x) with a minimum.
/// Candidates and weights are llama.cpp's [1], and so are the errors.
///
/// [1] ggml-quants.c, `make_qx_quants` and `make_qkx2_quants` (2026)
final class ScaleSearch {
  private static final float NOTHING = 1e-15f;

  private ScaleSearch() {}

  /// A scale and a nonnegative minimum.
  record Affine(float scale, float minimum) {}

  /// Finds scale and minimum of x ≈ scale · q − minimum, q from 0 to `largest`.
  ///
  /// @param from start of the group in x
  /// @param count numbers in the group
  /// @param first first candidate: levels for the range of x, relative to `largest`
  /// @param steps further candidates, each 0.1 levels more
  static Affine affine(float[] x, int from, int count, int largest, float first, int steps) {
    float least = 0; // a minimum is only subtracted
    float most = x[from];
    float squares = 0;
    for (int i = from; i < from + count; i++) {
      least = Math.min(least, x[i]);
      most = Math.max(most, x[i]);
      squares += x[i] * x[i];
    }
    if (most <= least) {
      return new Affine(0, -least);
    }
    float rms = (float) Math.sqrt(squares / count);
    float sumW = 0;
    float sumX = 0;
    for (int i = from; i < from + count; i++) {
      float w = rms + Math.abs(x[i]);
      sumW += w;
      sumX += w * x[i];
    }
    float inverse = largest / (most - least);
    float scale = 1 / inverse;
    float minimum = least;
    float best = error(x, from, count, largest, inverse, least, scale, minimum, rms);
    for (int step = 0; step <= steps; step++) {
      float zero = minimum; // the next candidate starts from the best minimum so far
      inverse = (first + 0.1f * step + largest) / (most - zero);
      float sumL = 0;
      float sumLl = 0;
      float sumXl = 0;
      for (int i = from; i < from + count; i++) {
        float l = Math.clamp((float) Math.rint(inverse * (x[i] - zero)), 0, largest);
        float w = rms + Math.abs(x[i]);
        sumL += w * l;
        sumLl += w * l * l;
        sumXl += w * l * x[i];
      }
      float determinant = sumW * sumLl - sumL * sumL;
      if (determinant > 0) {
        float newScale = (sumW * sumXl - sumX * sumL) / determinant;
        float newMinimum = (sumLl * sumX - sumL * sumXl) / determinant;
        if (newMinimum > 0) {
          newMinimum = 0;
          newScale = sumXl / sumLl;
        }
        float e = error(x, from, count, largest, inverse, zero, newScale, newMinimum, rms);
        if (e < best) {
          best = e;
          scale = newScale;
          minimum = newMinimum;
        }
      }
    }
    return new Affine(scale, -minimum);
  }

  /// Returns the weighted error of a scale and a minimum, with a candidate's codes.
  ///
  /// @param zero the number to which the candidate assigns code 0
  private static float error(
      float[] x,
      int from,
      int count,
      int largest,
      float inverse,
      float zero,
      float scale,
      float minimum,
      float rms) {
    float error = 0;
    for (int i = from; i < from + count; i++) {
      float l = Math.clamp((float) Math.rint(inverse * (x[i] - zero)), 0, largest);
      float off = scale * l + minimum - x[i];
      error += (rms + Math.abs(x[i])) * off * off;
    }
    return error;
  }

  /// Finds the scale of x ≈ scale · q, q from −`levels` to `levels` − 1; 0 for zeros.
  static float symmetric(float[] x, int from, int count, int levels) {
    float most = 0;
    for (int i = from; i < from + count; i++) {
      most = Math.abs(x[i]) > Math.abs(most) ? x[i] : most;
    }
    if (Math.abs(most) < NOTHING) {
      return 0;
    }
    float scale = 0;
    float best = 0;
    for (int step = -9; step <= 9; step++) {
      float inverse = -(levels + 0.1f * step) / most;
      float sumXl = 0;
      float sumLl = 0;
      for (int i = from; i < from + count; i++) {
        float l = Math.clamp((float) Math.rint(inverse * x[i]), -levels, levels - 1);
        float w = x[i] * x[i];
        sumXl += w * x[i] * l;
        sumLl += w * l * l;
      }
      if (sumLl > 0 && sumXl * sumXl > best * sumLl) {
        scale = sumXl / sumLl;
        best = scale * sumXl;
      }
    }
    return scale;
  }
}
