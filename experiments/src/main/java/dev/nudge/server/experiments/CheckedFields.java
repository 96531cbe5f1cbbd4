package dev.nudge.server.experiments;

import dev.nudge.chat.FieldException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Typed access to a client's JSON object; the error for a wrong field is one line that begins with
/// its path.
///
/// @param at path of the object, for messages: `arms[1].`; empty for the root
record CheckedFields(JsonNode object, String at) {
  private static final int SHOWN = 60;
  private static final int LONGEST = 10_000;

  /// Wraps an object and refuses unknown fields.
  static CheckedFields of(JsonNode node, String at, String... known) {
    String what = at.isEmpty() ? "the body" : at.substring(0, at.length() - 1);
    if (!node.isObject()) {
      String line = what + " is " + shown(node) + "; an object is needed";
      throw at.isEmpty() ? new InputException(line) : new FieldException(what, line);
    }
    List<String> names = List.of(known);
    for (var field : node.properties()) {
      if (!names.contains(field.getKey())) {
        throw new FieldException(
            at + cut(field.getKey()),
            "%s%s is no field here%s; there are %s"
                .formatted(
                    at,
                    cut(field.getKey()),
                    Nearest.hint(field.getKey(), names),
                    String.join(", ", names)));
      }
    }
    return new CheckedFields(node, at);
  }

  boolean has(String name) {
    JsonNode value = object.path(name);
    return !value.isMissingNode() && !value.isNull();
  }

  /// Returns a text; null if absent.
  @Nullable String text(String name) {
    if (!has(name)) {
      return null;
    }
    JsonNode value = object.get(name);
    if (!value.isString() || value.stringValue().isBlank()) {
      throw wrong(name, "a text that is not blank");
    }
    if (value.stringValue().length() > LONGEST) {
      throw new FieldException(
          at + name,
          at
              + name
              + " has "
              + value.stringValue().length()
              + " characters; at most "
              + LONGEST
              + " are allowed");
    }
    return value.stringValue();
  }

  /// Returns a required text.
  String needed(String name) {
    String text = text(name);
    if (text == null) {
      throw FieldException.missing(at + name);
    }
    return text;
  }

  /// Returns an integer from `least` to `most`, or a default.
  int whole(String name, int otherwise, int least, int most) {
    if (!has(name)) {
      return otherwise;
    }
    JsonNode value = object.get(name);
    boolean fits = value.isIntegralNumber() && value.canConvertToInt();
    if (!fits || value.intValue() < least || value.intValue() > most) {
      throw wrong(name, "a whole number from %d to %d".formatted(least, most));
    }
    return value.intValue();
  }

  /// Returns a number; null if absent.
  @Nullable Double number(String name, double least, double most, String allowed) {
    if (!has(name)) {
      return null;
    }
    JsonNode value = object.get(name);
    double number = value.isNumber() ? value.doubleValue() : Double.NaN;
    if (!(number >= least && number <= most)) {
      throw wrong(name, allowed);
    }
    return number;
  }

  /// Returns the elements of a list; empty if absent.
  List<JsonNode> list(String name) {
    if (!has(name)) {
      return List.of();
    }
    JsonNode value = object.get(name);
    if (!value.isArray()) {
      throw wrong(name, "a list");
    }
    List<JsonNode> all = new ArrayList<>();
    value.forEach(all::add);
    return all;
  }

  FieldException wrong(String name, String allowed) {
    return new FieldException(
        at + name, at + name + " is " + shown(object.path(name)) + "; it must be " + allowed);
  }

  private static String shown(JsonNode value) {
    return value.isObject()
        ? "an object"
        : value.isArray() ? "a list" : value.isMissingNode() ? "missing" : cut(value.toString());
  }

  private static String cut(String text) {
    String line = text.replaceAll("\\s+", " ");
    return line.length() <= SHOWN ? line : line.substring(0, SHOWN) + "…";
  }
}
