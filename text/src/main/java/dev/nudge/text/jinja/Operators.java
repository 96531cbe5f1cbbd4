package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.List;

/// Calls, compares and iterates over values, as Python does.
final class Operators {
  private Operators() {}

  static Value call(Value callee, Arguments arguments) {
    return switch (callee) {
      case Callable callable -> callable.function().call(arguments);
      case Undefined undefined -> throw Mistake.missing(undefined);
      default -> throw new Mistake("a " + callee.type() + " cannot be called");
    };
  }

  static boolean holds(Value a, String sign, Value b) {
    mayBeUsed(a);
    mayBeUsed(b);
    return switch (sign) {
      case "==" -> a.equals(b);
      case "!=" -> !a.equals(b);
      case "in" -> contains(b, a);
      case "not in" -> !contains(b, a);
      case "<" -> compare(a, b, sign) < 0;
      case "<=" -> compare(a, b, sign) <= 0;
      case ">" -> compare(a, b, sign) > 0;
      default -> compare(a, b, sign) >= 0;
    };
  }

  private static void mayBeUsed(Value value) {
    if (value instanceof Undefined undefined) {
      undefined.mayBeUsed();
    }
  }

  static int compare(Value a, Value b, String sign) {
    if (a instanceof Num x && b instanceof Num y) {
      return x.compare(y);
    }
    if (a instanceof Text x && b instanceof Text y) {
      return compare(x.chars(), y.chars());
    }
    if (a instanceof Items x && b instanceof Items y && x.kind() == y.kind() && x.hasIndex()) {
      List<Value> mine = x.values();
      List<Value> its = y.values();
      for (int i = 0; i < Math.min(mine.size(), its.size()); i++) {
        if (!mine.get(i).equals(its.get(i))) {
          return compare(mine.get(i), its.get(i), sign);
        }
      }
      return Integer.compare(mine.size(), its.size());
    }
    throw Arithmetic.wrong(sign, a, b);
  }

  /// By code points; UTF-16 has the surrogates before the last of the plain ones.
  private static int compare(String a, String b) {
    for (int i = 0; i < Math.min(a.length(), b.length()); i++) {
      char x = a.charAt(i);
      char y = b.charAt(i);
      if (x != y) {
        boolean high = Character.isSurrogate(x) != Character.isSurrogate(y);
        return high ? Boolean.compare(Character.isSurrogate(x), Character.isSurrogate(y)) : x - y;
      }
    }
    return a.length() - b.length();
  }

  static boolean contains(Value container, Value value) {
    switch (container) {
      case Text text -> {
        if (value instanceof Text part) {
          return text.chars().contains(part.chars());
        }
        if (value instanceof Undefined undefined) {
          throw Mistake.missing(undefined);
        }
        throw new Mistake("'in' a text needs a text, not a " + value.type());
      }
      case Dict dict -> {
        return dict.entries().containsKey(key(value));
      }
      default -> {
        return iterate(container).contains(value);
      }
    }
  }

  /// What a loop goes through.
  static List<Value> iterate(Value value) {
    return switch (value) {
      case Items items -> items.values();
      case Dict dict -> List.copyOf(dict.entries().keySet());
      case Undefined undefined -> {
        undefined.mayBeUsed();
        yield List.of();
      }
      case Text text -> characters(text);
      default -> throw new Mistake("a " + value.type() + " cannot be gone through");
    };
  }

  private static List<Value> characters(Text text) {
    List<Value> all = new ArrayList<>(text.chars().length());
    int i = 0;
    while (i < text.chars().length()) {
      int end = text.chars().offsetByCodePoints(i, 1);
      all.add(text.sub(i, end));
      i = end;
    }
    return all;
  }

  /// A value that may be a key.
  static Value key(Value value) {
    boolean fixed =
        !(value instanceof Dict)
            && !(value instanceof Items items && items.kind() != Items.Kind.TUPLE);
    if (!fixed) {
      throw new Mistake("a " + value.type() + " cannot be a key");
    }
    return value;
  }

  static int length(Value value) {
    return switch (value) {
      case Text text -> text.length();
      case Items items -> items.length();
      case Dict dict -> dict.entries().size();
      case Undefined undefined -> {
        undefined.mayBeUsed();
        yield 0;
      }
      default -> throw new Mistake("a " + value.type() + " has no length");
    };
  }
}
