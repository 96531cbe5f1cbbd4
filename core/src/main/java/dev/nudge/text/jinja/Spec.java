package dev.nudge.text.jinja;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/// Is how a value is written within a text: Python's `[[fill]align][sign][0][width][,][.n][type]`.
///
/// @param align one of `<`, `>`, `^`, `=`; 0 for the usual one
/// @param precision -1 for none
/// @param type 0 for none
record Spec(char fill, char align, char sign, int width, boolean commas, int precision, char type) {
  private static final int MOST_WIDTH = 10_000;

  static Spec parse(String spec) {
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
    int width = number(spec.substring(digits, at), 0);
    boolean commas = at < spec.length() && spec.charAt(at) == ',';
    at += commas ? 1 : 0;
    int precision = -1;
    if (at < spec.length() && spec.charAt(at) == '.') {
      digits = ++at;
      while (at < spec.length() && Character.isDigit(spec.charAt(at))) {
        at++;
      }
      precision = number(spec.substring(digits, at), -1);
    }
    char type = at < spec.length() ? spec.charAt(at++) : 0;
    if (at < spec.length()) {
      throw new Mistake("the format '" + spec + "' is not known here");
    }
    return new Spec(fill, align, sign, width, commas, precision, type);
  }

  static int number(String digits, int otherwise) {
    if (digits.length() > 5 || !digits.isEmpty() && Integer.parseInt(digits) > MOST_WIDTH) {
      throw new Mistake("a width of more than " + MOST_WIDTH);
    }
    return digits.isEmpty() ? otherwise : Integer.parseInt(digits);
  }

  Text of(Value value) {
    if (value instanceof Num num && type != 's' && (type != 0 || !num.isBool())) {
      return padded(Text.of(number(num)), '>');
    }
    if (type != 0 && type != 's') {
      throw new Mistake("the format '" + type + "' does not go with a " + value.type());
    }
    Text text = Python.str(value);
    boolean cut = precision >= 0 && precision < text.length();
    return padded(cut ? text.sub(0, text.at(precision)) : text, '<');
  }

  private String number(Num num) {
    char kind = type != 0 ? type : num.isWhole() && precision < 0 ? 'd' : precision < 0 ? 'r' : '.';
    int places = precision < 0 ? 6 : precision;
    String digits =
        switch (kind) {
          case 'd', 'i' -> num.whole().abs().toString();
          case 'x' -> num.whole().abs().toString(16);
          case 'X' -> num.whole().abs().toString(16).toUpperCase(Locale.ROOT);
          case 'o' -> num.whole().abs().toString(8);
          case 'b' -> num.whole().abs().toString(2);
          case 'f', 'F' -> fixed(Math.abs(num.real()), places);
          case 'e' -> scientific(Math.abs(num.real()), places);
          case 'E' -> scientific(Math.abs(num.real()), places).toUpperCase(Locale.ROOT);
          case 'g' -> general(Math.abs(num.real()), Math.max(1, places));
          case '%' -> fixed(Math.abs(num.real() * 100), places) + "%";
          case 'r' -> unsigned(num);
          default -> throw new Mistake("the format '" + kind + "' is not known here");
        };
    boolean negative = num.isWhole() ? num.whole().signum() < 0 : num.real() < 0;
    String shown = commas ? grouped(digits) : digits;
    return (negative ? "-" : sign == '-' ? "" : String.valueOf(sign)) + shown;
  }

  private static String unsigned(Num num) {
    String shown = Python.number(num);
    return shown.startsWith("-") ? shown.substring(1) : shown;
  }

  private static String fixed(double value, int precision) {
    if (!Double.isFinite(value)) {
      return Double.isNaN(value) ? "nan" : "inf";
    }
    return new BigDecimal(value).setScale(precision, RoundingMode.HALF_EVEN).toPlainString();
  }

  private static String scientific(double value, int precision) {
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

  /// So many digits that mean something, without zeros behind them.
  private static String general(double value, int digits) {
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

  private Text padded(Text text, char usual) {
    int missing = width - text.length();
    if (missing <= 0) {
      return text;
    }
    char where = align == 0 ? usual : align;
    String all = text.chars();
    boolean signed = where == '=' && !all.isEmpty() && "+- ".indexOf(all.charAt(0)) >= 0;
    int left = where == '<' ? 0 : where == '^' ? missing / 2 : missing;
    return new TextBuilder()
        .add(signed ? text.sub(0, 1) : Text.EMPTY)
        .add(String.valueOf(fill).repeat(left), Origin.TEMPLATE)
        .add(signed ? text.sub(1, all.length()) : text)
        .add(String.valueOf(fill).repeat(missing - left), Origin.TEMPLATE)
        .text();
  }
}
