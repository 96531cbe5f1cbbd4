package dev.nudge.format;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Typed access to a JSON configuration, by key; an error names file, key, value and what is
/// allowed.
public final class ConfigJson {
  private static final long MOST_BYTES = 10_000_000;

  private final Path file;
  private final String place;
  private final JsonNode values;

  private ConfigJson(Path file, String place, JsonNode values) {
    this.file = file;
    this.place = place;
    this.values = values;
  }

  /// Parses an object within a file.
  ///
  /// @param place its place in the file, for messages; ends with the separator before a key
  public static ConfigJson parse(Path file, String place, String text) {
    try {
      JsonNode root = Json.parseStrictly(text);
      if (!root.isObject()) {
        throw new InputException(
            file + ": " + place + "is " + show(root) + "; a JSON object is needed");
      }
      return new ConfigJson(file, place, root);
    } catch (JacksonException e) {
      throw new InputException(file + ": " + place + "is not valid JSON: " + JsonMistake.of(e), e);
    }
  }

  public static ConfigJson read(Path file) {
    try {
      boolean derived = FolderText.isDerived(file);
      if (!derived && (!Files.isRegularFile(file) || Files.size(file) > MOST_BYTES)) {
        throw new InputException(
            file + ": is no file of at most " + MOST_BYTES + " bytes, the largest allowed");
      }
      JsonNode root = Json.parseStrictly(FolderText.read(file));
      if (!root.isObject()) {
        throw new InputException(file + ": is " + show(root) + "; a JSON object is needed");
      }
      return new ConfigJson(file, "", root);
    } catch (JacksonException e) {
      var at = e.getLocation();
      String line = at == null || at.getLineNr() < 1 ? "" : " at line " + at.getLineNr();
      throw new InputException(file + ": is not valid JSON" + line + ": " + JsonMistake.of(e), e);
    } catch (CharacterCodingException e) {
      throw new InputException(file + ": is not UTF-8", e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read: " + OutFolder.reason(e), e);
    }
  }

  /// Returns whether the key is present and not null.
  public boolean has(String key) {
    return present(key) && !values.get(key).isNull();
  }

  /// Returns whether the key is present, null or not.
  public boolean present(String key) {
    return values.has(key);
  }

  public boolean isEmpty() {
    return values.isEmpty();
  }

  public JsonNode node(String key) {
    return values.get(key);
  }

  /// Returns all values as maps, lists, strings, numbers, booleans and null.
  public Map<String, @Nullable Object> plain() {
    return Json.plain(values);
  }

  /// Returns the object of a key; null if it is absent or null.
  public @Nullable ConfigJson object(String key) {
    if (!has(key)) {
      return null;
    }
    if (!values.get(key).isObject()) {
      throw refuse(key + " is " + show(values.get(key)) + "; an object is needed");
    }
    return new ConfigJson(file, place + key + ".", values.get(key));
  }

  /// Merges this object over another one, whose entries serve keys that are absent here.
  public ConfigJson over(ConfigJson below) {
    ObjectNode both = ((ObjectNode) below.values).deepCopy();
    both.setAll((ObjectNode) values);
    return new ConfigJson(file, place, both);
  }

  /// @param absent default for an absent key; null: the key is required
  public String text(String key, @Nullable String absent) {
    if (!present(key) && absent != null) {
      return absent;
    }
    JsonNode node = required(key);
    if (!node.isString()) {
      throw refuse(key + " is " + show(node) + "; a string is needed");
    }
    return node.stringValue();
  }

  public boolean flag(String key, boolean absent) {
    if (!present(key)) {
      return absent;
    }
    if (!values.get(key).isBoolean()) {
      throw refuse(key + " is " + show(values.get(key)) + "; true or false is needed");
    }
    return values.get(key).booleanValue();
  }

  /// Returns an integer from 1 to `most`.
  public int whole(String key, int absent, int most) {
    if (!present(key)) {
      return absent;
    }
    JsonNode node = values.get(key);
    if (!node.isInt() || node.intValue() < 1 || node.intValue() > most) {
      throw refuse(key + " is " + show(node) + "; a whole number from 1 to " + most + " is needed");
    }
    return node.intValue();
  }

  /// Returns a list.
  ///
  /// @param size required number of entries; −1: any
  public List<JsonNode> list(String key, int size) {
    JsonNode node = required(key);
    if (!node.isArray() || (size >= 0 && node.size() != size)) {
      throw refuse(
          "%s is %s; a list%s is needed"
              .formatted(
                  key,
                  node.isArray() ? "a list of " + node.size() : show(node),
                  size < 0 ? "" : " of " + size));
    }
    return List.copyOf(node.values());
  }

  /// The strings of a list; none if the key is absent.
  public List<String> names(String key) {
    return has(key) ? list(key, -1).stream().map(name -> name.asString("")).toList() : List.of();
  }

  /// Refuses a value that is not among the supported ones.
  public void supported(String key, String given, List<String> known) {
    if (!known.contains(given)) {
      throw refuse(
          key + " " + quote(given) + " is not supported; supported: " + String.join(", ", known));
    }
  }

  /// @param absent default for an absent key; null: the key is required
  public double number(String key, @Nullable Double absent) {
    if (!present(key) && absent != null) {
      return absent;
    }
    JsonNode node = required(key);
    if (!node.isNumber()) {
      throw refuse(key + " is " + show(node) + "; a number is needed");
    }
    return node.doubleValue();
  }

  /// Returns a positive number that float32 can hold.
  public double positive(String key, @Nullable Double absent) {
    double number = number(key, absent);
    if (!((float) number > 0 && (float) number <= Float.MAX_VALUE)) {
      throw refuse(key + " is " + number + "; a number above 0 is needed");
    }
    return number;
  }

  private JsonNode required(String key) {
    if (!present(key)) {
      throw refuse(key + " is missing; it is needed");
    }
    return values.get(key);
  }

  /// Makes the error for a wrong value; `what` begins with the key.
  public InputException refuse(String what) {
    return new InputException(file + ": " + place + what);
  }

  public static String quote(String text) {
    return '"' + oneLine(text) + '"';
  }

  public static String show(JsonNode node) {
    return switch (node.getNodeType()) {
      case OBJECT -> "an object";
      case STRING -> "the string " + quote(node.stringValue());
      case MISSING -> "empty";
      default -> oneLine(node.toString());
    };
  }

  private static String oneLine(String text) {
    String clean = text.replaceAll("\\p{C}", "\uFFFD");
    return clean.length() > 120 ? clean.substring(0, 120) + "…" : clean;
  }
}
