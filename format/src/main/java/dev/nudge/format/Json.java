package dev.nudge.format;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.cfg.EnumFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.module.SimpleModule;
import tools.jackson.databind.ser.std.ToStringSerializer;

/// Reads and writes JSON. Components of records become `snake_case` keys, paths strings, and enum
/// values lower case.
///
/// `PythonJson` writes files as Python would; [StrictJson] streams the headers of weight files.
public final class Json {
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(EnumFeature.WRITE_ENUMS_TO_LOWERCASE)
          .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
          .addModule(
              new SimpleModule().addSerializer(Path.class, new ToStringSerializer(Path.class)))
          .build();

  private static final JsonMapper STRICT =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private Json() {}

  /// Writes a value on one line.
  public static String line(Object value) {
    return MAPPER.writeValueAsString(value);
  }

  /// Writes a value, indented.
  public static String indented(Object value) {
    return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(value);
  }

  /// Returns a number for JSON; null if it is infinite or NaN.
  public static @Nullable Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }

  /// Makes the tree that [#line] would write.
  public static JsonNode tree(Object value) {
    return MAPPER.valueToTree(value);
  }

  /// Makes a record from its tree.
  ///
  /// @throws JacksonException if the tree has another shape
  public static <T extends Record> T record(JsonNode tree, Class<T> type) {
    return MAPPER.treeToValue(tree, type);
  }

  /// Converts an object to maps, lists, strings, numbers, booleans and null.
  public static Map<String, @Nullable Object> plain(JsonNode object) {
    return MAPPER.convertValue(object, new TypeReference<Map<String, @Nullable Object>>() {});
  }

  /// Parses a text.
  ///
  /// @throws JacksonException if it is not JSON
  public static JsonNode parse(String text) {
    return MAPPER.readTree(text);
  }

  /// Parses a text without duplicate keys or trailing text.
  ///
  /// @throws JacksonException if it is not JSON
  public static JsonNode parseStrictly(String text) {
    return STRICT.readTree(text);
  }

  /// Parses bytes as [#parseStrictly(String)] parses a text.
  ///
  /// @throws JacksonException if they are not JSON
  public static JsonNode parseStrictly(byte[] utf8) {
    return STRICT.readTree(utf8);
  }

  /// Reads a file.
  ///
  /// @throws InputException if it cannot be read or is not JSON
  public static JsonNode read(Path file) {
    try {
      return parse(FolderText.read(file));
    } catch (JacksonException e) {
      String place = JsonMistake.place(e);
      throw new InputException(
          file + " is not JSON" + (place.isEmpty() ? "" : ", " + place) + ": " + JsonMistake.of(e),
          e);
    } catch (CharacterCodingException e) {
      throw new InputException(file + " is not UTF-8 text", e);
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + Refusal.reason(e), e);
    }
  }

  /// Reads a file, with a hint in the error.
  ///
  /// @param otherwise for the message: the consequence if it cannot be read, and the way out
  /// @throws InputException if it cannot be read or is not JSON
  public static JsonNode read(Path file, String otherwise) {
    try {
      return parse(FolderText.read(file));
    } catch (IOException | JacksonException e) {
      throw new InputException(file + " cannot be read, " + otherwise, e);
    }
  }

  /// Reads a file that may be absent or not JSON; returns a missing node then.
  public static JsonNode readOrMissing(Path file) {
    try {
      return FolderText.exists(file) ? parse(FolderText.read(file)) : MAPPER.missingNode();
    } catch (IOException | JacksonException e) {
      return MAPPER.missingNode();
    }
  }
}
