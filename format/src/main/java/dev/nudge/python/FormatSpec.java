package dev.nudge.python;

import java.math.BigInteger;
import java.util.Locale;

/// A parsed format specification: Python's `[[fill]align][sign][0][width][,][.n][type]`.
///
/// @param align one of `<`, `>`, `^`, `=`; 0 for the default
/// @param precision -1 for none
/// @param type presentation type such as `f`; 0 for none
public record FormatSpec(
    char fill, char align, char sign, int width, boolean commas, int precision, char type) {
  private static final int MOST_WIDTH = 10_000;

  /// Parses a format specification.
  public static FormatSpec parse(String spec) {
    int at = 0;
    char fill = ' ';
    char align = 0;
    if (spec.length() > 1 && "<>^=".indexOf(spec.charAt(1)) >= 0) {
      fill = spec.charAt(0);
      align = spec.charAt(1);
      at = 2;
    } else if (!spec.isEmpty() && "<>^=".indexOf(spec.charAt(0)) >= 0) {
      align = spec.charAt(0);
      at = 1;
    }
    char sign = '-';
    if (at < spec.length() && "+- ".indexOf(spec.charAt(at)) >= 0) {
      sign = spec.charAt(at++);
    }
    if (at < spec.length() && spec.charAt(at) == '0') {
      fill = align == 0 ? '0' : fill;
      align = align == 0 ? '=' : align;
      at++;
    }
    int digits = at;
    while (at < spec.length() && Character.isDigit(spec.charAt(at))) {
      at++;
    }
    int width = count(spec.substring(digits, at), 0);
    boolean commas = at < spec.length() && spec.charAt(at) == ',';
    at += commas ? 1 : 0;
    int precision = -1;
    if (at < spec.length() && spec.charAt(at) == '.') {
      digits = ++at;
      while (at < spec.length() && Character.isDigit(spec.charAt(at))) {
        at++;
      }
      precision = count(spec.substring(digits, at), -1);
    }
    char type = at < spec.length() ? spec.charAt(at++) : 0;
    if (at < spec.length()) {
      throw new ValueError("the format '" + spec + "' is not known here");
    }
    return new FormatSpec(fill, align, sign, width, commas, precision, type);
  }

  /// Parses a width or a precision, within a limit.
  public static int count(String digits, int otherwise) {
    if (digits.length() > 5 || !digits.isEmpty() && Integer.parseInt(digits) > MOST_WIDTH) {
      throw new ValueError("a width of more than " + MOST_WIDTH);
    }
    return digits.isEmpty() ? otherwise : Integer.parseInt(digits);
  }

  /// Formats an integer, without padding.
  public String number(BigInteger value) {
    BigInteger abs = value.abs();
    char kind = type != 0 ? type : precision < 0 ? 'd' : '.';
    String digits =
        switch (kind) {
          case 'd', 'i', 'r' -> abs.toString();
          case 'x' -> abs.toString(16);
          case 'X' -> abs.toString(16).toUpperCase(Locale.ROOT);
          case 'o' -> abs.toString(8);
          case 'b' -> abs.toString(2);
          default -> real(kind, real(abs));
        };
    return signed(value.signum() < 0, digits);
  }

  /// Formats a float, without padding.
  public String number(double value) {
    char kind = type != 0 ? type : precision < 0 ? 'r' : '.';
    if ("dixXob".indexOf(kind) >= 0) {
      throw new ValueError("a float where an integer is needed");
    }
    return signed(value < 0, real(kind, Math.abs(value)));
  }

  /// Converts an integer to a float.
  public static double real(BigInteger whole) {
    double value = whole.doubleValue();
    if (Double.isInfinite(value)) {
      throw new ValueError("an integer too large to be a float");
    }
    return value;
  }

  private String real(char kind, double value) {
    int places = precision < 0 ? 6 : precision;
    return switch (kind) {
      case 'f', 'F' -> PythonFloat.fixed(value, places);
      case 'e' -> PythonFloat.scientific(value, places);
      case 'E' -> PythonFloat.scientific(value, places).toUpperCase(Locale.ROOT);
      case 'g' -> PythonFloat.general(value, Math.max(1, places));
      case '%' -> PythonFloat.fixed(value * 100, places) + "%";
      case 'r' -> PythonFloat.repr(value);
      default -> throw new ValueError("the format '" + kind + "' is not known here");
    };
  }

  private String signed(boolean negative, String digits) {
    String shown = commas ? grouped(digits) : digits;
    return (negative ? "-" : sign == '-' ? "" : String.valueOf(sign)) + shown;
  }

  private static String grouped(String digits) {
    int end = 0;
    while (end < digits.length() && Character.isDigit(digits.charAt(end))) {
      end++;
    }
    StringBuilder out = new StringBuilder(digits);
    for (int i = end - 3; i > 0; i -= 3) {
      out.insert(i, ',');
    }
    return out.toString();
  }
}
