package dev.nudge.data.rows;

import dev.nudge.format.JsonMistake;
import dev.nudge.settings.Nearest;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;

/// The columns of one row, a JSON object.
///
/// Texts are kept as they are, numbers and booleans as written (`1.50` stays `1.50`). Lists and
/// objects are kept as text and parsed on use, so an unused column costs little. A duplicate name
/// is an error of the row.
public final class Row {
  private static final JsonMapper JSON =
      new JsonMapper(
          JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build());
  private static final int NAMES_SHOWN = 20;

  /// A list or an object, as the line writes it.
  private record Nested(String json) {
    boolean list() {
      return json.startsWith("[");
    }

    String kind() {
      return list() ? "an array" : "an object";
    }
  }

  private final Map<String, @Nullable Object> columns = new LinkedHashMap<>();

  private Row() {}

  public static Row parse(SourceLine line) throws BadRowException {
    if (line.problem() != null) {
      throw new BadRowException(line.problem());
    }
    return parse(line.text());
  }

  public static Row parse(String line) throws BadRowException {
    Row row = new Row();
    try (JsonParser parser = JSON.createParser(line)) {
      JsonToken first = parser.nextToken();
      if (first != JsonToken.START_OBJECT) {
        throw new BadRowException("not a JSON object but " + kind(first));
      }
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = parser.currentName();
        row.columns.put(name, value(parser, line));
      }
      if (parser.nextToken() != null) {
        throw notJson("there is more behind the object");
      }
    } catch (JacksonException e) {
      String where = JsonMistake.column(e);
      throw notJson(JsonMistake.of(e) + (where.isEmpty() ? "" : ", in " + where));
    }
    return row;
  }

  private static BadRowException notJson(String why) {
    return new BadRowException("not JSON: " + why, "not JSON");
  }

  private static @Nullable Object value(JsonParser parser, String line) {
    JsonToken token = parser.nextToken();
    if (token == JsonToken.START_ARRAY || token == JsonToken.START_OBJECT) {
      int begin = (int) parser.currentTokenLocation().getCharOffset();
      parser.skipChildren();
      return new Nested(line.substring(begin, (int) parser.currentLocation().getCharOffset()));
    }
    return token == JsonToken.VALUE_NULL ? null : parser.getString();
  }

  private static String kind(@Nullable JsonToken token) {
    if (token == JsonToken.START_ARRAY) {
      return "an array";
    }
    return token == JsonToken.VALUE_STRING ? "a string" : "a single value";
  }

  public Set<String> names() {
    return columns.keySet();
  }

  /// Tells whether the column is there and not null.
  public boolean has(String name) {
    return columns.get(name) != null;
  }

  /// Tells whether the column is a list.
  boolean isList(String name) {
    return columns.get(name) instanceof Nested nested && nested.list();
  }

  /// Returns the text of a column.
  public String text(String name) throws BadRowException {
    Object value = columns.get(name);
    if (value instanceof String text) {
      return text;
    }
    if (value instanceof Nested nested) {
      throw new BadRowException(
          "column '"
              + name
              + "' is "
              + nested.kind()
              + "; a text, a number or a boolean is needed");
    }
    throw absent(name);
  }

  /// Returns the columns that are not null: texts, numbers and booleans as written, lists and
  /// objects as plain values.
  Map<String, Object> values() throws BadRowException {
    Map<String, Object> values = new LinkedHashMap<>();
    for (Map.Entry<String, @Nullable Object> column : columns.entrySet()) {
      Object value = column.getValue();
      if (value instanceof Nested nested) {
        values.put(
            column.getKey(), JSON.convertValue(node(column.getKey(), nested.json()), Object.class));
      } else if (value != null) {
        values.put(column.getKey(), value);
      }
    }
    return values;
  }

  /// Returns the list of a column, which may stand there as a text that is JSON.
  ///
  /// @param what it holds, for the message: `a list of messages`
  ArrayNode list(String name, String what) throws BadRowException {
    Object value = columns.get(name);
    if (value == null) {
      throw absent(name);
    }
    String json = value instanceof Nested nested ? nested.json() : value.toString();
    if (!json.stripLeading().startsWith("[")) {
      String kind = value instanceof Nested nested ? nested.kind() : "a text";
      throw new BadRowException("column '" + name + "' is " + kind + "; " + what + " is needed");
    }
    return (ArrayNode) node(name, json);
  }

  private static JsonNode node(String name, String json) throws BadRowException {
    try {
      return JSON.readTree(json);
    } catch (JacksonException e) {
      String why = "column '" + name + "' is a text that is no JSON";
      throw new BadRowException(why + ": " + JsonMistake.of(e), why);
    }
  }

  private BadRowException absent(String name) {
    if (columns.containsKey(name)) {
      return new BadRowException("column '" + name + "' is null");
    }
    String missing = "no column '" + name + "'";
    return new BadRowException(missing + "; " + columns() + Nearest.hint(name, names()), missing);
  }

  /// Lists the columns for a message.
  String columns() {
    if (columns.isEmpty()) {
      return "the row has no columns";
    }
    String names = String.join(", ", columns.keySet().stream().limit(NAMES_SHOWN).toList());
    return "the columns are " + names + (columns.size() > NAMES_SHOWN ? ", …" : "");
  }
}
