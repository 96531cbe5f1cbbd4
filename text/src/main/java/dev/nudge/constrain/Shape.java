package dev.nudge.constrain;

import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A schema without references and branches: constraints on each type of value. A schema is a union
/// of shapes.
///
/// @param kinds types of values that are allowed
/// @param values the only values allowed, as far as the rest permits; null: any
record Shape(
    Set<Kind> kinds,
    NumberRule number,
    TextRule text,
    ListRule list,
    ObjectRule object,
    @Nullable List<JsonNode> values) {
  /// Kinds of JSON values.
  enum Kind {
    NULL,
    BOOLEAN,
    NUMBER,
    STRING,
    ARRAY,
    OBJECT;

    static Kind of(JsonNode value) {
      return switch (value.getNodeType()) {
        case BOOLEAN -> BOOLEAN;
        case NUMBER -> NUMBER;
        case STRING -> STRING;
        case ARRAY -> ARRAY;
        case OBJECT -> OBJECT;
        case NULL, MISSING, BINARY, POJO -> NULL; // a text has none of the last three
      };
    }
  }

  static final Shape ANY =
      new Shape(
          EnumSet.allOf(Kind.class),
          NumberRule.ANY,
          TextRule.ANY,
          ListRule.ANY,
          ObjectRule.ANY,
          null);

  /// Parts of it, about.
  int size() {
    int names = object.properties().size() + object.required().size();
    return 4 + names + list.first().size() + (values == null ? 0 : values.size());
  }

  Shape with(Set<Kind> kinds) {
    return new Shape(kinds, number, text, list, object, values);
  }

  Shape with(NumberRule rule) {
    return new Shape(kinds, number.and(rule), text, list, object, values);
  }

  Shape with(TextRule rule) {
    return new Shape(kinds, number, text.and(rule), list, object, values);
  }

  Shape with(ListRule rule) {
    return new Shape(kinds, number, text, list.and(rule), object, values);
  }

  Shape with(ObjectRule rule) {
    return new Shape(kinds, number, text, list, object.and(rule), values);
  }

  Shape with(List<JsonNode> only) {
    return new Shape(kinds, number, text, list, object, Values.both(values, only));
  }

  /// The values of both.
  Shape and(Shape other) {
    Set<Kind> both = new LinkedHashSet<>(kinds);
    both.retainAll(other.kinds);
    return new Shape(
        both,
        number.and(other.number),
        text.and(other.text),
        list.and(other.list),
        object.and(other.object),
        other.values == null ? values : Values.both(values, other.values));
  }

  /// The schema of what is valid under both.
  static List<String> both(List<String> a, List<String> b) {
    Set<String> all = new LinkedHashSet<>(a);
    all.addAll(b);
    return List.copyOf(all);
  }
}
