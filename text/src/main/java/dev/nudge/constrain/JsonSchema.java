package dev.nudge.constrain;

import dev.nudge.constrain.Shape.ObjectRule;
import dev.nudge.constrain.Shape.TextRule;
import dev.nudge.format.JsonMistake;
import dev.nudge.settings.InputException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// A JSON schema that validates texts in any layout. The keywords are those of
/// [Constraint#jsonSchema], which generates texts in one layout.
///
/// Threading: any number of threads at once.
public final class JsonSchema {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .build();
  private static final List<String> TOP = List.of("#");

  private final SchemaReader reader; // caches the schemas that it has read

  private JsonSchema(SchemaReader reader) {
    this.reader = reader;
  }

  /// Reads a schema and all schemas that it refers to.
  ///
  /// @throws InputException if it is not a schema, or not a supported one
  public static JsonSchema parse(String schema) {
    SchemaReader reader = new SchemaReader(read(schema));
    Set<List<String>> known = new HashSet<>();
    Deque<List<String>> todo = new ArrayDeque<>(List.of(TOP));
    while (!todo.isEmpty()) {
      List<String> places = todo.remove();
      if (known.add(places)) {
        for (Shape shape : reader.shapes(places)) {
          shape.text().patterns().forEach(TextRule.Pattern::automaton);
          todo.addAll(shape.list().first());
          todo.add(shape.list().rest());
          ObjectRule object = shape.object();
          object.names().forEach(name -> todo.add(object.property(name)));
          todo.add(object.others());
        }
      }
    }
    return new JsonSchema(reader);
  }

  /// Reads the text of a schema.
  ///
  /// @throws InputException if it is not JSON
  static JsonNode read(String schema) {
    JsonNode root;
    try {
      root = JSON.readTree(schema);
    } catch (JacksonException e) {
      String place = JsonMistake.place(e);
      throw new InputException(
          "the schema is not JSON%s: %s"
              .formatted(place.isEmpty() ? "" : ", " + place, JsonMistake.of(e)),
          e);
    }
    if (root.isMissingNode()) {
      throw new InputException("the schema is empty; {} allows any JSON value");
    }
    return root;
  }

  /// Whether a text is one JSON value without duplicate names that is valid under the schema.
  /// `format` allows the strings of [Constraint#jsonSchema].
  public boolean accepts(String text) {
    JsonNode value;
    try {
      value = JSON.readTree(text);
    } catch (JacksonException _) {
      return false;
    }
    synchronized (reader) {
      return !value.isMissingNode() && reader.has(TOP, value);
    }
  }
}
