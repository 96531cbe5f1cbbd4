package dev.nudge.text.jinja;

import dev.nudge.python.PythonFloat;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Locale;

/// The filters of numbers.
final class NumberFilters {
  private NumberFilters() {}

  static Value whole(Value value, Arguments given) {
    Arguments arguments = given.bind("int", "default", "base");
    Value otherwise = arguments.get("default", Num.of(0));
    if (value instanceof Num num) {
      return num.isWhole() ? Num.of(num.whole()) : cut(num.real(), otherwise);
    }
    if (!(value instanceof Text text)) {
      return otherwise;
    }
    int base = arguments.whole("base", 10);
    String digits = text(text);
    try {
      String plain = base == 16 && digits.startsWith("0x") ? digits.substring(2) : digits;
      return digits.length() > 4300 ? otherwise : Num.of(new BigInteger(plain, base));
    } catch (NumberFormatException e) {
      Value real = real(text, otherwise);
      return real instanceof Num num && real != otherwise ? cut(num.real(), otherwise) : otherwise;
    }
  }

  private static Value cut(double real, Value otherwise) {
    return Double.isFinite(real) ? Num.of(new BigDecimal(real).toBigInteger()) : otherwise;
  }

  private static String text(Text text) {
    String digits = StringMethods.strip(text, null, true, true).chars();
    boolean between = digits.matches(".*\\d_\\d.*") && !digits.contains("__");
    return between && !digits.endsWith("_") ? digits.replace("_", "") : digits;
  }

  static Value real(Value value, Arguments given) {
    return real(value, given.bind("float", "default").get("default", Num.of(0.0)));
  }

  private static Value real(Value value, Value otherwise) {
    return value instanceof Num num
        ? Num.of(num.real())
        : value instanceof Text text ? real(text, otherwise) : otherwise;
  }

  private static Value real(Text text, Value otherwise) {
    String digits = text(text);
    switch (digits.toLowerCase(Locale.ROOT)) {
      case "inf", "+inf", "infinity", "+infinity" -> {
        return Num.of(Double.POSITIVE_INFINITY);
      }
      case "-inf", "-infinity" -> {
        return Num.of(Double.NEGATIVE_INFINITY);
      }
      case "nan", "+nan", "-nan" -> {
        return Num.of(Double.NaN);
      }
      default -> {}
    }
    boolean plain = digits.matches("[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d+)?");
    return plain ? Num.of(Double.parseDouble(digits)) : otherwise;
  }

  static Value abs(Value value, Arguments given) {
    Num num = number(Filters.none(value, given), "abs");
    return num.isWhole() ? Num.of(num.whole().abs()) : Num.of(Math.abs(num.real()));
  }

  static Value round(Value value, Arguments given) {
    Arguments arguments = given.bind("round", "precision", "method");
    Num num = number(value, "round");
    int precision = arguments.whole("precision", 0);
    Text method = arguments.textOrNull("method");
    String how = method == null ? "common" : method.chars();
    if (Math.abs(precision) > 300) {
      throw new Mistake("a precision of more than 300");
    }
    switch (how) {
      case "common" -> {
        if (num.isWhole()) {
          BigDecimal rounded =
              new BigDecimal(num.whole()).setScale(Math.min(0, precision), RoundingMode.HALF_EVEN);
          return Num.of(rounded.toBigInteger());
        }
        return Num.of(PythonFloat.round(num.real(), precision));
      }
      case "ceil", "floor" -> {
        double scale = Math.pow(10, precision);
        double scaled = num.real() * scale;
        return Num.of((how.equals("ceil") ? Math.ceil(scaled) : Math.floor(scaled)) / scale);
      }
      default -> throw new Mistake("round() goes by common, ceil or floor, not '" + how + "'");
    }
  }

  /// Bytes in the largest unit that leaves one or more.
  static Value fileSize(Value value, Arguments given) {
    boolean binary = given.bind("filesizeformat", "binary").is("binary", false);
    Value read = real(value instanceof Undefined ? None.NONE : value, Num.of(Double.NaN));
    if (!(read instanceof Num num) || !Double.isFinite(num.real())) {
      throw new Mistake("'filesizeformat' needs a number of bytes, not a " + value.type());
    }
    double bytes = num.real();
    double base = binary ? 1024 : 1000;
    if (bytes < base) {
      BigInteger whole = new BigDecimal(bytes).toBigInteger();
      return Text.of(bytes == 1 ? "1 Byte" : whole + " Bytes");
    }
    String units = "kMGTPEZY";
    int at = 0;
    BigInteger unit = BigInteger.valueOf((long) base).pow(2);
    BigDecimal exact = new BigDecimal(bytes);
    while (exact.compareTo(new BigDecimal(unit)) >= 0 && at < units.length() - 1) {
      unit = unit.multiply(BigInteger.valueOf((long) base));
      at++;
    }
    String shown = PythonFloat.fixed(base * bytes / unit.doubleValue(), 1);
    String prefix = units.substring(at, at + 1);
    String named = binary ? prefix.toUpperCase(Locale.ROOT) + "iB" : prefix + "B";
    return Text.of(shown + " " + named);
  }

  private static Num number(Value value, String filter) {
    if (value instanceof Undefined undefined) {
      throw Mistake.missing(undefined);
    }
    if (!(value instanceof Num num)) {
      throw new Mistake("'" + filter + "' needs a number, not a " + value.type());
    }
    return num;
  }
}
