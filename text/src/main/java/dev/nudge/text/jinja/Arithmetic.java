package dev.nudge.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;

/// Computes `+ - * / // % **` as Python does, also on texts and lists where Python allows them.
final class Arithmetic {
  private static final int MOST_BITS = 32_768;

  private Arithmetic() {}

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
      return budget.made(Percent.format(text, b));
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
}
