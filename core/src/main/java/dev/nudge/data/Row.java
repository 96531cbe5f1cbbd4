package dev.nudge.data;

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

/// Holds the columns of one line: a JSON object.
///
/// Texts are kept as they are, numbers and booleans as the line writes them (`1.50` stays `1.50`).
/// A name that is there twice is an error of the line.
final class Row {
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();
  private static final int NAMES_SHOWN = 20;

  /// A value that is not text: what it is.
  private enum Nested {
    ARRAY,
    OBJECT
  }

  private final Map<String, @Nullable Object> columns = new LinkedHashMap<>();

  private Row() {}

  static Row parse(String line) throws BadRowException {
    Row row = new Row();
    try (JsonParser parser = JSON.createParser(line)) {
      JsonToken first = parser.nextToken();
      if (first != JsonToken.START_OBJECT) {
        throw new BadRowException("not a JSON object but " + kind(first));
      }
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = parser.currentName();
        row.columns.put(name, value(parser));
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

  private static @Nullable Object value(JsonParser parser) {
    JsonToken token = parser.nextToken();
    if (token == JsonToken.START_ARRAY || token == JsonToken.START_OBJECT) {
      parser.skipChildren();
      return token == JsonToken.START_ARRAY ? Nested.ARRAY : Nested.OBJECT;
    }
    return token == JsonToken.VALUE_NULL ? null : parser.getString();
  }

  private static String kind(@Nullable JsonToken token) {
    if (token == JsonToken.START_ARRAY) {
      return "an array";
    }
    return token == JsonToken.VALUE_STRING ? "a string" : "a single value";
  }

  Set<String> names() {
    return columns.keySet();
  }

  /// Tells whether the column is there and not null.
  boolean has(String name) {
    return columns.get(name) != null;
  }

  /// Returns the text of a column.
  String text(String name) throws BadRowException {
    Object value = columns.get(name);
    if (value instanceof String text) {
      return text;
    }
    if (value != null) {
      String kind = value == Nested.ARRAY ? "an array" : "an object";
      throw new BadRowException(
          "column '" + name + "' is " + kind + "; a text, a number or a boolean is needed");
    }
    if (columns.containsKey(name)) {
      throw new BadRowException("column '" + name + "' is null");
    }
    String missing = "no column '" + name + "'";
    throw new BadRowException(missing + "; " + columns() + Nearest.hint(name, names()), missing);
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
