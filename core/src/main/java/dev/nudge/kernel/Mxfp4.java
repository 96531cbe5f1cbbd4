package dev.nudge.kernel;

/// Decodes MXFP4 [1]: a four-bit code means ±0, ½, 1, 1½, 2, 3, 4 or 6, times 2^(e − 127), a scale
/// of 32 numbers. Every product is exact in fp32 and in bfloat16, or infinite; e = 255 is not NaN,
/// as in transformers.
///
/// [1] OCP Microscaling Formats (MX) Specification 1.0.
public final class Mxfp4 {
  /// Numbers that share a power.
  public static final int BLOCK = 32;

  private static final float[] TWICE = {0, 1, 2, 3, 4, 6, 8, 12, -0f, -1, -2, -3, -4, -6, -8, -12};

  private Mxfp4() {}

  /// Twice the value of a code's lower four bits.
  public static float twice(int code) {
    return TWICE[code & 15];
  }

  /// Returns half a scale, 2^(e − 128), finite for e = 255 too.
  public static float half(int e) {
    return Math.scalb(1f, (e & 0xff) - 128);
  }
}
