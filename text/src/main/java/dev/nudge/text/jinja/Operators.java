package dev.nudge.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;

/// Calls, compares, computes with, slices and iterates over values, as Python does.
final class Operators {
  private static final int MOST_BITS = 32_768;

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
    throw wrong(sign, a, b);
  }

  /// Compares by code points; comparing UTF-16 would put surrogates before U+E000 to U+FFFF.
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

  /// Returns the values that a loop iterates over.
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

  /// Checks that a value is hashable.
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

  static Value add(Value a, Value b, Budget budget) {
    if (a instanceof Num x && b instanceof Num y) {
      return x.isWhole() && y.isWhole()
          ? Num.of(x.whole().add(y.whole()))
          : Num.of(x.real() + y.real());
    }
    if (a instanceof Text x && b instanceof Text y) {
      budget.characters((long) x.chars().length() + y.chars().length());
      return new TextBuilder().add(x).add(y).text();
    }
    if (a instanceof Items x && b instanceof Items y && x.kind() == y.kind() && x.hasIndex()) {
      budget.elements((long) x.length() + y.length());
      List<Value> both = new ArrayList<>(x.values());
      both.addAll(y.values());
      return x.like(both);
    }
    throw wrong("+", a, b);
  }

  static Value subtract(Value a, Value b) {
    if (a instanceof Num x && b instanceof Num y) {
      return x.isWhole() && y.isWhole()
          ? Num.of(x.whole().subtract(y.whole()))
          : Num.of(x.real() - y.real());
    }
    throw wrong("-", a, b);
  }

  static Value multiply(Value a, Value b, Budget budget) {
    if (a instanceof Num x && b instanceof Num y) {
      return x.isWhole() && y.isWhole()
          ? Num.of(x.whole().multiply(y.whole()))
          : Num.of(x.real() * y.real());
    }
    if (b instanceof Num times && times.isWhole()) {
      return repeat(a, Math.max(0, times.index()), b, budget);
    }
    if (a instanceof Num times && times.isWhole()) {
      return repeat(b, Math.max(0, times.index()), a, budget);
    }
    throw wrong("*", a, b);
  }

  private static Value repeat(Value value, int times, Value by, Budget budget) {
    if (value instanceof Text text) {
      budget.characters((long) text.chars().length() * times);
      TextBuilder all = new TextBuilder();
      for (int i = 0; i < times && !text.isEmpty(); i++) {
        all.add(text);
      }
      return all.text();
    }
    if (value instanceof Items items && items.hasIndex()) {
      budget.elements((long) items.length() * times);
      List<Value> all = new ArrayList<>();
      for (int i = 0; i < times && items.length() > 0; i++) {
        all.addAll(items.values());
      }
      return items.like(all);
    }
    throw wrong("*", value, by);
  }

  static Value divide(Value a, Value b) {
    if (a instanceof Num x && b instanceof Num y) {
      notZero(y);
      if (x.isWhole()
          && y.isWhole()
          && (x.whole().bitLength() > 53 || y.whole().bitLength() > 53)) {
        BigDecimal exact =
            new BigDecimal(x.whole()).divide(new BigDecimal(y.whole()), new MathContext(40));
        return Num.of(exact.doubleValue());
      }
      return Num.of(x.real() / y.real());
    }
    throw wrong("/", a, b);
  }

  static Value floorDivide(Value a, Value b) {
    if (a instanceof Num x && b instanceof Num y) {
      notZero(y);
      if (x.isWhole() && y.isWhole()) {
        BigInteger[] parts = x.whole().divideAndRemainder(y.whole());
        boolean below = parts[1].signum() != 0 && parts[1].signum() != y.whole().signum();
        return Num.of(below ? parts[0].subtract(BigInteger.ONE) : parts[0]);
      }
      return Num.of(Math.floor(x.real() / y.real()));
    }
    throw wrong("//", a, b);
  }

  static Value modulo(Value a, Value b, Budget budget) {
    if (a instanceof Text text) {
      return budget.made(Formats.percent(text, b));
    }
    if (a instanceof Num x && b instanceof Num y) {
      notZero(y);
      if (x.isWhole() && y.isWhole()) {
        BigInteger rest = x.whole().mod(y.whole().abs());
        return Num.of(y.whole().signum() < 0 && rest.signum() != 0 ? rest.add(y.whole()) : rest);
      }
      double rest = x.real() % y.real();
      return Num.of(rest != 0 && rest < 0 != y.real() < 0 ? rest + y.real() : rest);
    }
    throw wrong("%", a, b);
  }

  static Value power(Value a, Value b) {
    if (a instanceof Num x && b instanceof Num y) {
      if (x.isWhole() && y.isWhole() && y.whole().signum() >= 0) {
        boolean small = x.whole().abs().bitLength() <= 1; // -1, 0, 1 stay small
        int times = y.index();
        if (small) {
          boolean odd = y.whole().testBit(0);
          return times == 0 ? Num.of(1) : Num.of(odd ? x.whole() : x.whole().abs());
        }
        if ((long) x.whole().bitLength() * times > MOST_BITS) {
          throw new Mistake("the power is too large a number");
        }
        return Num.of(x.whole().pow(times));
      }
      if (x.real() == 0 && y.real() < 0) {
        throw new Mistake("a division by zero");
      }
      return Num.of(Math.pow(x.real(), y.real()));
    }
    throw wrong("**", a, b);
  }

  private static void notZero(Num divisor) {
    if (!divisor.isTrue()) {
      throw new Mistake("a division by zero");
    }
  }

  static Mistake wrong(String sign, Value a, Value b) {
    if (a instanceof Undefined undefined) {
      return Mistake.missing(undefined);
    }
    if (b instanceof Undefined undefined) {
      return Mistake.missing(undefined);
    }
    return new Mistake("'" + sign + "' does not go with " + a.type() + " and " + b.type());
  }

  static Value of(Value value, Value from, Value to, Value step, Budget budget) {
    if (value instanceof Undefined undefined) {
      throw Mistake.missing(undefined);
    }
    boolean sliced = value instanceof Text || value instanceof Items items && items.hasIndex();
    if (!sliced) {
      return Undefined.attribute(value, "[:]");
    }
    int length = length(value);
    int by = step == None.NONE ? 1 : index(step);
    if (by == 0) {
      throw new Mistake("the step of a slice is 0");
    }
    int first = from == None.NONE ? by > 0 ? 0 : length - 1 : clamp(index(from), length, by < 0);
    int last = to == None.NONE ? by > 0 ? length : -1 : clamp(index(to), length, by < 0);
    if (value instanceof Text text) {
      return by == 1
          ? text.sub(text.at(first), text.at(Math.max(first, last)))
          : skip(text, first, last, by, budget);
    }
    Items items = (Items) value;
    List<Value> all = items.values();
    List<Value> part = new ArrayList<>();
    for (long i = first; by > 0 ? i < last : i > last; i += by) {
      part.add(all.get((int) i));
    }
    budget.elements(part.size());
    return items.like(part);
  }

  private static Value skip(Text text, int first, int last, int by, Budget budget) {
    List<Value> all = iterate(text);
    budget.characters(all.size());
    TextBuilder part = new TextBuilder();
    for (long i = first; by > 0 ? i < last : i > last; i += by) {
      part.add((Text) all.get((int) i));
    }
    return part.text();
  }

  private static int index(Value value) {
    return Arguments.whole(value, "a slice's bound");
  }

  private static int clamp(int index, int length, boolean backwards) {
    int least = backwards ? -1 : 0;
    int most = backwards ? length - 1 : length;
    int at = index < 0 ? index + length : index;
    return Math.clamp(at, least, most);
  }
}
