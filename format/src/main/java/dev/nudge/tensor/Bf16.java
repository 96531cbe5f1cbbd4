package dev.nudge.tensor;

/// Converts between float and bfloat16: the upper sixteen bits of a float, rounded to nearest even.
public final class Bf16 {
  private Bf16() {}

  /// Widens bfloat16 bits to a float; exact.
  public static float toFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /// Returns the bits of the nearest bfloat16, ties to even; a NaN stays a NaN.
  public static short round(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) ((bits >>> 16) | 0x40);
    }
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }

  /// Returns the bits of the bfloat16 nearest to a double, rounded once: the float in between is
  /// rounded to odd, so no double rounding occurs.
  public static short round(double value) {
    float f = (float) value;
    if (f != value && Float.isFinite(f)) {
      int bits = Float.floatToRawIntBits(f);
      boolean beyond = Math.abs((double) f) > Math.abs(value);
      int truncated = beyond ? bits - 1 : bits;
      f = Float.intBitsToFloat(truncated | 1);
    }
    return round(f);
  }
}
