package dev.nudge.text.jinja;

import dev.nudge.python.PythonFloat;
import dev.nudge.python.PythonText;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The filters by name: the filters of texts and numbers are here, of lists in [ListFilters], of
/// task files alone in [TaskFilters].
final class Filters {
  /// Applies a filter to the value before `|`.
  interface Filter {
    Value apply(Value value, Arguments arguments);
  }

  private static final Map<String, Filter> ALL = new HashMap<>(ListFilters.ALL);

  static {
    ALL.put("trim", Filters::trim);
    ALL.put("upper", (v, a) -> StringMethods.upper(Python.str(none(v, a))));
    ALL.put("lower", (v, a) -> StringMethods.lower(Python.str(none(v, a))));
    ALL.put("capitalize", (v, a) -> StringMethods.capitalize(Python.str(none(v, a))));
    ALL.put("title", (v, a) -> title(Python.str(none(v, a))));
    ALL.put("string", (v, a) -> Python.str(none(v, a)));
    ALL.put("safe", (v, a) -> Python.str(none(v, a)));
    ALL.put("escape", (v, a) -> escape(Python.str(none(v, a))));
    ALL.put("e", (v, a) -> escape(Python.str(none(v, a))));
    ALL.put("replace", Filters::replace);
    ALL.put("indent", Filters::indent);
    ALL.put("center", Filters::center);
    ALL.put("format", Filters::format);
    ALL.put("wordcount", (v, a) -> words(Python.str(none(v, a))));
    ALL.put("default", Filters::defaulted);
    ALL.put("d", Filters::defaulted);
    ALL.put("tojson", Dumps::filter);
    ALL.put("attr", Filters::attribute);
    ALL.put("int", Filters::whole);
    ALL.put("float", Filters::real);
    ALL.put("abs", Filters::abs);
    ALL.put("round", Filters::round);
  }

  private Filters() {}

  static @Nullable Filter of(String name) {
    return ALL.get(name);
  }

  static @Nullable Filter of(String name, Dialect dialect) {
    Filter own = dialect == Dialect.TASK ? TaskFilters.ALL.get(name) : null;
    return own == null ? of(name) : own;
  }

  static Value none(Value value, Arguments arguments) {
    arguments.bind("the filter");
    return value;
  }

  private static Value trim(Value value, Arguments given) {
    Text chars = given.bind("trim", "chars").textOrNull("chars");
    return StringMethods.strip(Python.str(value), chars, true, true);
  }

  /// Jinja's `title`, which splits words at spaces, dashes and opening brackets.
  private static Value title(Text text) {
    TextBuilder out = new TextBuilder();
    boolean begins = true;
    for (Value value : Operators.iterate(text)) {
      Text one = (Text) value;
      int c = one.chars().codePointAt(0);
      boolean splits = c == '-' || PythonText.isSpace(c) || "({[<".indexOf(c) >= 0;
      out.add(splits ? one : begins ? StringMethods.upper(one) : StringMethods.lower(one));
      begins = splits;
    }
    return out.text();
  }

  static Value escape(Text text) {
    Text all = StringMethods.replace(text, Text.of("&"), Text.of("&amp;"), -1);
    all = StringMethods.replace(all, Text.of(">"), Text.of("&gt;"), -1);
    all = StringMethods.replace(all, Text.of("<"), Text.of("&lt;"), -1);
    all = StringMethods.replace(all, Text.of("'"), Text.of("&#39;"), -1);
    return StringMethods.replace(all, Text.of("\""), Text.of("&#34;"), -1);
  }

  private static Value replace(Value value, Arguments given) {
    Arguments arguments = given.bind("replace", "old", "new", "count");
    Text made =
        StringMethods.replace(
            Python.str(value),
            Python.str(arguments.need("old")),
            Python.str(arguments.need("new")),
            arguments.whole("count", -1));
    return given.budget().made(made);
  }

  private static Value indent(Value value, Arguments given) {
    Arguments arguments = given.bind("indent", "width", "first", "blank");
    Value width = arguments.get("width", Num.of(4));
    Text by =
        width instanceof Text text
            ? text
            : Text.of(" ".repeat(Math.clamp(Arguments.whole(width, "width"), 0, 10_000)));
    boolean blank = arguments.is("blank", false);
    List<Value> lines =
        StringMethods.lines(new TextBuilder().add(Python.str(value)).add("\n", 0).text(), false);
    TextBuilder out = new TextBuilder();
    boolean first = true;
    for (Value line : lines) {
      if (!first) {
        out.add("\n", Origin.TEMPLATE);
      }
      boolean indents = first ? arguments.is("first", false) : blank || line.isTrue();
      out.add(indents ? by : Text.EMPTY).add((Text) line);
      given.budget().grown(out.length(), by.chars().length());
      first = false;
    }
    return out.text();
  }

  private static Value center(Value value, Arguments given) {
    int width = given.bind("center", "width").whole("width", 80);
    return StringMethods.padded(Python.str(value), width, Text.of(" "), 0.5, given.budget());
  }

  private static Value format(Value value, Arguments given) {
    if (!given.named().isEmpty()) {
      Map<Value, Value> named = new HashMap<>();
      given.named().forEach((name, one) -> named.put(Text.of(name), one));
      return given.budget().made(Formats.percent(Python.str(value), new Dict(named, 0)));
    }
    return given
        .budget()
        .made(Formats.percent(Python.str(value), Items.tuple(new ArrayList<>(given.positional()))));
  }

  private static Value words(Text text) {
    int count = 0;
    boolean within = false;
    for (int c : text.chars().codePoints().toArray()) {
      boolean word = Character.isLetterOrDigit(c) || c == '_';
      count += word && !within ? 1 : 0;
      within = word;
    }
    return Num.of(count);
  }

  private static Value defaulted(Value value, Arguments given) {
    Arguments arguments = given.bind("default", "default_value", "boolean");
    boolean takes = value instanceof Undefined || arguments.is("boolean", false) && !value.isTrue();
    return takes ? arguments.get("default_value", Text.EMPTY) : value;
  }

  private static Value attribute(Value value, Arguments given) {
    String name = Python.str(given.bind("attr", "name").need("name")).chars();
    if (value instanceof Dict dict) {
      Value method = ContainerMethods.of(dict, name);
      return method == null ? Undefined.attribute(value, name) : method;
    }
    return MemberAccess.attribute(value, name);
  }

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
    Num num = number(none(value, given), "abs");
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

  /// Formats bytes in the largest unit of which they are at least one.
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
