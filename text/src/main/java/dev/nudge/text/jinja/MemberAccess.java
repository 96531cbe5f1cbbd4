package dev.nudge.text.jinja;

import dev.nudge.python.PythonLiteral;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Resolves `a.b` (the method b of a, else its entry b) and `a['b']` (the entry, else the method).
final class MemberAccess {
  /// Attributes of Python's numbers that are not supported.
  private static final Set<String> OF_NUMBERS =
      Set.of(
          "real",
          "imag",
          "numerator",
          "denominator",
          "conjugate",
          "bit_length",
          "bit_count",
          "to_bytes",
          "from_bytes",
          "as_integer_ratio",
          "is_integer",
          "hex",
          "fromhex");

  private MemberAccess() {}

  static Value attribute(Value value, String name) {
    if (value instanceof Undefined undefined) {
      throw Mistake.missing(undefined);
    }
    Value method = method(value, name);
    if (method != null) {
      return method;
    }
    Value entry = value instanceof Dict dict ? dict.get(Text.of(name)) : null;
    return entry == null ? Undefined.attribute(value, name) : entry;
  }

  static Value item(Value value, Value index) {
    switch (value) {
      case Undefined undefined -> throw Mistake.missing(undefined);
      case Dict dict -> {
        Value entry = index instanceof Dict || index instanceof Items ? null : dict.get(index);
        if (entry != null) {
          return entry;
        }
      }
      case Text text when index instanceof Num num && num.isWhole() -> {
        int at = place(num, text.length());
        if (at >= 0) {
          int from = text.at(at);
          return text.sub(from, text.chars().offsetByCodePoints(from, 1));
        }
      }
      case Items items when index instanceof Num num && num.isWhole() && items.hasIndex() -> {
        int at = place(num, items.length());
        if (at >= 0) {
          return items.values().get(at);
        }
      }
      default -> {}
    }
    Value method = index instanceof Text name ? method(value, name.chars()) : null;
    if (method != null) {
      return method;
    }
    String shown = index instanceof Undefined ? "undefined" : Python.repr(index).chars();
    return new Undefined("a " + value.type() + " has no element " + shown);
  }

  private static int place(Num index, int length) {
    int at = index.index();
    at = at < 0 ? at + length : at;
    return at < length ? Math.max(at, -1) : -1;
  }

  private static @Nullable Value method(Value value, String name) {
    if (name.startsWith("_")) {
      return null;
    }
    return switch (value) {
      case Text text -> TextMethods.of(text, name);
      case Dict dict -> ContainerMethods.of(dict, name);
      case Items items -> ContainerMethods.of(items, name);
      case Namespace namespace -> namespace.get(name);
      case Callable callable ->
          callable.attributes() == null ? null : callable.attributes().of(name);
      case Num num -> {
        if (OF_NUMBERS.contains(name)) {
          throw unknown(name, value);
        }
        yield null;
      }
      default -> null;
    };
  }

  /// Makes the error for a method that Python has and this interpreter lacks.
  static Mistake unknown(String name, Value of) {
    return new Mistake("the method '" + name + "' of a " + of.type() + " is not known here");
  }

  /// Resolves an attribute path such as `a.b.0`, for filters.
  static Value path(Value value, Value path) {
    if (!(path instanceof Text text)) {
      return item(value, path);
    }
    Value at = value;
    for (String part : List.of(text.chars().split("\\.", -1))) {
      boolean digits = !part.isEmpty() && part.chars().allMatch(c -> c >= '0' && c <= '9');
      at = item(at, digits ? Num.of(PythonLiteral.integer(part)) : Text.of(part));
    }
    return at;
  }
}
