package dev.nudge.text.jinja;

import dev.nudge.python.PythonText;
import java.math.BigInteger;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// The tests that may follow `is`, by name.
final class Tests {
  /// Tests the value before `is`.
  interface Test {
    boolean holds(Value value, Arguments arguments);
  }

  private static final Map<String, Test> ALL = new HashMap<>();

  static {
    plain("defined", v -> !(v instanceof Undefined));
    plain("undefined", v -> v instanceof Undefined);
    plain("none", v -> v == None.NONE);
    plain("boolean", v -> v instanceof Num num && num.isBool());
    plain("true", v -> v == Num.TRUE);
    plain("false", v -> v == Num.FALSE);
    plain("integer", v -> v instanceof Num num && num.isWhole() && !num.isBool());
    plain("float", v -> v instanceof Num num && !num.isWhole());
    plain("number", v -> v instanceof Num);
    plain("string", v -> v instanceof Text);
    plain("mapping", v -> v instanceof Dict);
    plain("callable", v -> v instanceof Callable);
    plain("sequence", Tests::isSequence);
    plain("iterable", v -> isSequence(v) || v instanceof Items);
    plain("lower", v -> PythonText.isLower(Python.str(v).chars()));
    plain("upper", v -> PythonText.isUpper(Python.str(v).chars()));
    plain("escaped", v -> false);
    plain("odd", v -> rest(v, Num.of(2)).equals(BigInteger.ONE));
    plain("even", v -> rest(v, Num.of(2)).signum() == 0);
    with("divisibleby", (v, other) -> rest(v, other).signum() == 0);
    with("sameas", Tests::isSame);
    with("in", (v, other) -> Operators.contains(other, v));
    for (String[] names :
        new String[][] {
          {"==", "eq", "equalto"},
          {"!=", "ne"},
          {"<", "lt", "lessthan"},
          {"<=", "le"},
          {">", "gt", "greaterthan"},
          {">=", "ge"}
        }) {
      for (String name : names) {
        with(name, (v, other) -> Operators.holds(v, names[0], other));
      }
    }
    plain("filter", v -> v instanceof Text text && Filters.of(text.chars()) != null);
    plain("test", v -> v instanceof Text text && of(text.chars()) != null);
  }

  private Tests() {}

  private interface Both {
    boolean hold(Value value, Value other);
  }

  private static void plain(String name, Predicate<Value> rule) {
    ALL.put(
        name,
        (value, arguments) -> {
          arguments.bind("the test '" + name + "'");
          return rule.test(value);
        });
  }

  private static void with(String name, Both rule) {
    ALL.put(
        name,
        (value, arguments) ->
            rule.hold(value, arguments.bind("the test '" + name + "'", "other").need("other")));
  }

  static @Nullable Test of(String name) {
    return ALL.get(name);
  }

  private static boolean isSequence(Value value) {
    return value instanceof Text
        || value instanceof Dict
        || value instanceof Undefined
        || value instanceof Items items && items.hasIndex();
  }

  private static boolean isSame(Value a, Value b) {
    return a == b
        || a instanceof Num x
            && b instanceof Num y
            && x.isWhole()
            && y.isWhole()
            && !x.isBool()
            && !y.isBool()
            && x.equals(y);
  }

  private static BigInteger rest(Value value, Value by) {
    if (value instanceof Num num
        && by instanceof Num divisor
        && num.isWhole()
        && divisor.isWhole()
        && divisor.isTrue()) {
      return num.whole().mod(divisor.whole().abs());
    }
    if (value instanceof Undefined undefined) {
      throw Mistake.missing(undefined);
    }
    throw new Mistake("a " + value.type() + " is not divided by " + Python.str(by));
  }
}
