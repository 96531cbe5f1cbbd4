package dev.nudge.python;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/// Formats floats as Python's `repr` and its formats `f`, `e` and `g` do.
public final class PythonFloat {
  private PythonFloat() {}

  /// Returns the shortest text that parses to the value: `0.1`, `1e-05`, `1e+16`, `nan`, `-inf`.
  public static String repr(double value) {
    if (!Double.isFinite(value)) {
      return fixed(value, 0);
    }
    BigDecimal digits = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    int exponent = digits.precision() - digits.scale() - 1;
    if (value == 0 || (exponent >= -4 && exponent < 16)) {
      String plain = value == 0 ? (1 / value < 0 ? "-0" : "0") : digits.toPlainString();
      return plain.contains(".") ? plain : plain + ".0";
    }
    String unscaled = digits.unscaledValue().abs().toString();
    String mantissa =
        unscaled.length() == 1 ? unscaled : unscaled.charAt(0) + "." + unscaled.substring(1);
    return "%s%se%s%02d"
        .formatted(value < 0 ? "-" : "", mantissa, exponent < 0 ? "-" : "+", Math.abs(exponent));
  }

  /// `round`: rounds the exact value to `places` digits, ties to even.
  public static double round(double value, int places) {
    return Double.isFinite(value)
        ? Math.copySign(exact(value, places).doubleValue(), value)
        : value;
  }

  /// Format `f`: `precision` digits after the point, rounded half to even.
  public static String fixed(double value, int precision) {
    if (!Double.isFinite(value)) {
      return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
    }
    String digits = exact(value, precision).abs().toPlainString();
    return Math.copySign(1, value) < 0 ? "-" + digits : digits;
  }

  private static BigDecimal exact(double value, int places) {
    return new BigDecimal(value).setScale(places, RoundingMode.HALF_EVEN);
  }

  /// Format `e`: one digit before the point and `precision` digits after it.
  static String scientific(double value, int precision) {
    if (!Double.isFinite(value)) {
      return fixed(value, 0);
    }
    BigDecimal rounded =
        new BigDecimal(value).round(new MathContext(precision + 1, RoundingMode.HALF_EVEN));
    String digits = rounded.unscaledValue().toString();
    int exponent = value == 0 ? 0 : digits.length() - rounded.scale() - 1;
    digits = (digits + "0".repeat(precision + 1)).substring(0, precision + 1);
    return "%s%se%s%02d"
        .formatted(
            digits.charAt(0),
            precision > 0 ? "." + digits.substring(1) : "",
            exponent < 0 ? "-" : "+",
            Math.abs(exponent));
  }

  /// Format `g`: at most `digits` significant digits, without trailing zeros.
  static String general(double value, int digits) {
    if (!Double.isFinite(value)) {
      return fixed(value, 0);
    }
    BigDecimal rounded =
        new BigDecimal(value).round(new MathContext(digits, RoundingMode.HALF_EVEN));
    int exponent = value == 0 ? 0 : rounded.precision() - rounded.scale() - 1;
    if (exponent >= -4 && exponent < digits) {
      return value == 0 ? "0" : rounded.stripTrailingZeros().toPlainString();
    }
    String all = scientific(value, digits - 1);
    int e = all.indexOf('e');
    String mantissa = all.substring(0, e);
    mantissa = mantissa.contains(".") ? mantissa.replaceAll("\\.?0+$", "") : mantissa;
    return mantissa + all.substring(e);
  }
}
