package dev.nudge.eval.task;

import java.util.List;
import tools.jackson.databind.JsonNode;

/// Reads the place of a choice as Python takes it: `true` is 1, and what is below 0 counts from the
/// end where a choice is looked up. A number may be larger than any place.
final class ChoicePlace {
  private ChoicePlace() {}

  /// The place that a look-up of so many choices finds; −1: there is none.
  static int lookedUp(JsonNode place, int choices) {
    int at = number(place, choices);
    at = at < 0 ? at + choices : at;
    return at >= 0 && at < choices ? at : -1;
  }

  /// The place that a target names, itself or by the text of its choice; [Sample#NO_CHOICE]: none.
  static int named(JsonNode target, List<String> choices) {
    if (target.isString()) {
      int at = choices.indexOf(target.stringValue());
      return at < 0 ? Sample.NO_CHOICE : at;
    }
    int at = number(target, choices.size());
    return at < choices.size() ? at : Sample.NO_CHOICE;
  }

  /// A number as it stands; what is none, or no int, is beyond the choices.
  private static int number(JsonNode place, int choices) {
    if (place.isBoolean()) {
      return place.booleanValue() ? 1 : 0;
    }
    return place.isIntegralNumber() && place.canConvertToInt() ? place.intValue() : choices;
  }
}
