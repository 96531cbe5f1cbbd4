package dev.nudge.eval.task;

import java.util.List;
import tools.jackson.databind.JsonNode;

/// Parses a choice index with Python semantics: `true` is 1, and a negative index counts from the
/// end in a look-up. A number may exceed the choices.
final class ChoicePlace {
  private ChoicePlace() {}

  /// Returns the index that a look-up in a list of `choices` finds; −1 if out of range.
  static int lookedUp(JsonNode place, int choices) {
    int at = number(place, choices);
    at = at < 0 ? at + choices : at;
    return at >= 0 && at < choices ? at : -1;
  }

  /// Returns the index that a target names, as number or choice text; [Sample#NO_CHOICE] if none.
  static int named(JsonNode target, List<String> choices) {
    if (target.isString()) {
      int at = choices.indexOf(target.stringValue());
      return at < 0 ? Sample.NO_CHOICE : at;
    }
    int at = number(target, choices.size());
    return at < choices.size() ? at : Sample.NO_CHOICE;
  }

  /// Returns the number itself; `choices` (out of range) if it is not an int.
  private static int number(JsonNode place, int choices) {
    if (place.isBoolean()) {
      return place.booleanValue() ? 1 : 0;
    }
    return place.isIntegralNumber() && place.canConvertToInt() ? place.intValue() : choices;
  }
}
