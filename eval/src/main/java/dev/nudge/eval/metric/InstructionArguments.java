package dev.nudge.eval.metric;

import dev.nudge.settings.InputException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/// Reads and validates the arguments of one IFEval instruction.
///
/// @param id id of the instruction
/// @param given arguments by name; absent ones may be null
record InstructionArguments(String id, Map<String, ?> given) {
  private static final List<String> RELATIONS = List.of("less than", "at least");

  /// Returns a required non-empty text.
  String text(String name) {
    Object value = value(name);
    if (value instanceof String text) {
      return text;
    }
    throw wrong(name, value, "a text");
  }

  /// Returns a required non-empty list of texts.
  List<String> texts(String name) {
    Object value = value(name);
    if (value instanceof Collection<?> list && list.stream().allMatch(String.class::isInstance)) {
      return list.stream().map(String.class::cast).toList();
    }
    throw wrong(name, value, "a list of texts");
  }

  /// Returns a required number above 0.
  int number(String name) {
    Object value = value(name);
    if (value instanceof Number number
        && number.doubleValue() == number.intValue()
        && number.intValue() > 0) {
      return number.intValue();
    }
    throw wrong(name, value, "a whole number above 0");
  }

  /// Returns a condition on a count.
  ///
  /// @param relation name of the argument that is `less than` or `at least`
  IntPredicate count(String relation, String number) {
    int limit = number(number);
    String said = text(relation);
    if (!RELATIONS.contains(said)) {
      throw wrong(relation, said, "one of " + RELATIONS);
    }
    return said.equals("less than") ? n -> n < limit : n -> n >= limit;
  }

  private Object value(String name) {
    Object value = given.get(name);
    if (value == null || isEmpty(value)) {
      throw new InputException(
          "the instruction %s needs %s; it has %s".formatted(id, name, present()));
    }
    return value;
  }

  private static boolean isEmpty(Object value) {
    return value.equals("")
        || (value instanceof Number number && number.doubleValue() == 0)
        || (value instanceof Collection<?> list && list.isEmpty());
  }

  private List<String> present() {
    return given.entrySet().stream()
        .filter(entry -> entry.getValue() != null && !isEmpty(entry.getValue()))
        .map(Map.Entry::getKey)
        .sorted()
        .toList();
  }

  /// Returns the exception for an invalid value.
  InputException wrong(String name, Object value, String must) {
    return new InputException(
        "%s of the instruction %s is %s; it must be %s".formatted(name, id, value, must));
  }
}
