package dev.nudge.settings;

import java.lang.reflect.InvocationTargetException;
import java.math.BigInteger;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The types of settings, and how to read each from text or from typed YAML values.
public enum SettingType {
  SWITCH("true or false"),
  WHOLE("a whole number"),
  NUMBER("a number"),
  TEXT("text"),
  TEXTS("text or a list of texts"),
  PATH("a path"),
  CHOICE("one of a list"),
  /// A type with `static parse(String)`.
  VALUE("a single value");

  private static final Pattern INTEGER = Pattern.compile("[+-]?\\d+");
  private static final Pattern DECIMAL =
      Pattern.compile("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?");

  private final String expected;

  SettingType(String expected) {
    this.expected = expected;
  }

  static SettingType of(Class<?> type) {
    if (type == boolean.class || type == Boolean.class) {
      return SWITCH;
    } else if (List.of(int.class, Integer.class, long.class, Long.class).contains(type)) {
      return WHOLE;
    } else if (type == double.class || type == Double.class) {
      return NUMBER;
    } else if (type == String.class) {
      return TEXT;
    } else if (type == List.class) {
      return TEXTS;
    } else if (type == Path.class) {
      return PATH;
    }
    return type.isEnum() ? CHOICE : VALUE;
  }

  /// Describes an allowed value, as the end of a sentence.
  String expected() {
    return expected;
  }

  String label(Class<?> type) {
    return switch (this) {
      case SWITCH -> "";
      case WHOLE -> "N";
      case NUMBER -> "X";
      case TEXT, TEXTS -> "TEXT";
      case PATH -> "PATH";
      case CHOICE -> String.join("|", choices(type));
      case VALUE -> "VALUE";
    };
  }

  static List<String> choices(Class<?> type) {
    Object[] constants = type.getEnumConstants();
    return constants == null
        ? List.of()
        : Arrays.stream(constants).map(SettingType::written).toList();
  }

  /// Writes a choice as a user does: `ADAMW_8BIT` is `adamw-8bit`; a constant that overrides
  /// `toString` is that text.
  public static String written(Object constant) {
    String name = ((Enum<?>) constant).name();
    String own = constant.toString();
    return own.equals(name) ? name.toLowerCase(Locale.ROOT).replace('_', '-') : own;
  }

  /// Reads a value, or throws an [InputException] that names the setting as `layer` does.
  Object read(SettingComponent knob, Object raw, Layer layer) {
    boolean strict = layer.file() != null;
    return switch (this) {
      case SWITCH -> {
        Object value = !strict && raw instanceof String s ? bool(s) : raw;
        yield value instanceof Boolean ? value : refuse(knob, raw, layer);
      }
      case WHOLE -> whole(knob, raw, layer, strict);
      case NUMBER -> {
        Object value = !strict && raw instanceof String s ? decimal(s) : raw;
        yield value instanceof Number n && Double.isFinite(n.doubleValue())
            ? (Object) n.doubleValue()
            : refuse(knob, raw, layer);
      }
      case TEXT -> raw instanceof List<?> list ? joined(knob, list, layer) : text(knob, raw, layer);
      case TEXTS -> texts(knob, raw, layer);
      case PATH -> path(knob, raw, layer, strict);
      case CHOICE -> choice(knob, raw, layer);
      case VALUE -> knob.type().isInstance(raw) ? raw : value(knob, raw, layer);
    };
  }

  private Object whole(SettingComponent knob, Object raw, Layer layer, boolean strict) {
    Object value = raw;
    if (!strict && raw instanceof String s && INTEGER.matcher(s).matches()) {
      value = new BigInteger(s);
    }
    if (!(value instanceof Integer || value instanceof Long || value instanceof BigInteger)) {
      return refuse(knob, raw, layer);
    }
    BigInteger exact = new BigInteger(value.toString());
    boolean wide = knob.type() == long.class || knob.type() == Long.class;
    if (exact.bitLength() > (wide ? 63 : 31)) {
      throw new InputException(
          layer.name(knob)
              + " is "
              + exact
              + "; it must fit in "
              + (wide ? "64" : "32")
              + " bits (at most "
              + (wide ? Long.MAX_VALUE : Integer.MAX_VALUE)
              + ")");
    }
    return wide ? (Object) exact.longValue() : (Object) exact.intValue();
  }

  private Object text(SettingComponent knob, Object raw, Layer layer) {
    return raw instanceof String ? raw : refuse(knob, raw, layer);
  }

  /// Joins a YAML list for a setting whose flag takes values separated by commas.
  private Object joined(SettingComponent knob, List<?> list, Layer layer) {
    boolean good =
        knob.label().contains(",")
            && !list.isEmpty()
            && list.stream().allMatch(e -> e instanceof String || e instanceof Integer);
    return good
        ? list.stream().map(Object::toString).collect(Collectors.joining(","))
        : refuse(knob, list, layer);
  }

  private Object texts(SettingComponent knob, Object raw, Layer layer) {
    List<?> all = raw instanceof List<?> list ? list : List.of(raw);
    boolean good = all.stream().allMatch(e -> e instanceof String || e instanceof Path);
    return good ? all.stream().map(Object::toString).toList() : refuse(knob, raw, layer);
  }

  private Object path(SettingComponent knob, Object raw, Layer layer, boolean strict) {
    if (!strict && raw instanceof Path) {
      return raw;
    }
    if (!(raw instanceof String text) || text.isBlank()) {
      return refuse(knob, raw, layer);
    }
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new InputException(
          layer.name(knob) + " is " + shown(raw) + "; it must be a path: " + e.getReason(), e);
    }
  }

  private Object choice(SettingComponent knob, Object raw, Layer layer) {
    if (knob.type().isInstance(raw)) {
      return raw;
    }
    for (Object constant : knob.type().getEnumConstants()) {
      if (written(constant).equals(raw)) {
        return constant;
      }
    }
    throw new InputException(
        layer.name(knob)
            + " is "
            + shown(raw)
            + "; supported: "
            + String.join(", ", knob.choices()));
  }

  private Object value(SettingComponent knob, Object raw, Layer layer) {
    if (!(raw instanceof String || raw instanceof Number)) {
      return refuse(knob, raw, layer);
    }
    try {
      return knob.type().getMethod("parse", String.class).invoke(null, raw.toString());
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof IllegalArgumentException wrong) {
        throw new InputException(
            layer.name(knob) + " is " + shown(raw) + "; it must be " + wrong.getMessage(), wrong);
      }
      throw new IllegalStateException(knob.name() + " cannot be parsed", e);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(knob.type() + " has no static parse(String)", e);
    }
  }

  /// Writes a value with the types that JSON and YAML have.
  @Nullable Object plain(@Nullable Object value) {
    return switch (this) {
      case SWITCH, WHOLE, NUMBER, TEXT, TEXTS -> value;
      case PATH -> value == null ? null : value.toString();
      case CHOICE -> value == null ? null : written(value);
      case VALUE -> value == null ? null : number(value.toString());
    };
  }

  private Object refuse(SettingComponent knob, Object raw, Layer layer) {
    throw new InputException(layer.name(knob) + " is " + shown(raw) + "; it must be " + expected);
  }

  private static @Nullable Boolean bool(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> null;
    };
  }

  public static @Nullable Double decimal(String text) {
    return DECIMAL.matcher(text).matches() ? Double.valueOf(text) : null;
  }

  private static Object number(String text) {
    if (INTEGER.matcher(text).matches()) {
      return Long.valueOf(text);
    }
    Double value = decimal(text);
    return value == null ? text : value;
  }

  /// Formats a value on one line: text in quotes, long text truncated.
  public static String shown(Object raw) {
    String text = raw.toString().replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t");
    String cut = text.length() > 60 ? text.substring(0, 57) + "..." : text;
    return raw instanceof String ? "'" + cut + "'" : cut;
  }
}
