package dev.nudge.text;

import dev.nudge.settings.InputException;
import java.io.StringWriter;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/// Copies a `tokenizer.json` with special tokens renamed to names that nobody can guess.
///
/// A name is a character that no other added token has, sixteen random hexadecimal digits, a number
/// of fixed width and that character again: no name is a prefix of another, no other token overlaps
/// one, and no normaliser changes one. Its ends are letters if the token's are, as an adjacent
/// token may have to be a whole word. The tokens keep their ids. Merges that produce one of them
/// are dropped, and a piece of the model's own vocabulary that equals one (Unigram's `<s>`) is
/// renamed too, so user text cannot be tokenized to it.
final class Renaming {
  private static final String LETTERS = "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ"; // of one case
  private static final String SIGNS = "⠁⠂⠃⠄⠅⠆⠇⠈⠉⠊⠋⠌⠍⠎⠏⠐⠑⠒⠓⠔⠕⠖⠗⠘⠙⠚⠛⠜⠝⠞⠟⠠";
  private static final JsonFactory JSON = new JsonFactory();

  private final Map<String, String> names = new LinkedHashMap<>();

  /// @param others added tokens that are not special
  Renaming(Collection<String> specials, Collection<String> others) {
    byte[] random = new byte[8];
    new SecureRandom().nextBytes(random);
    String digits = HexFormat.of().formatHex(random);
    String letter = free(LETTERS, others);
    String sign = free(SIGNS, others);
    for (String special : specials) {
      String first = isWord(special.codePointAt(0)) ? letter : sign;
      String last = isWord(special.codePointBefore(special.length())) ? letter : sign;
      names.put(special, first + digits + "%06d".formatted(names.size()) + last);
    }
  }

  private static boolean isWord(int c) {
    return Character.isLetterOrDigit(c) || c == '_';
  }

  private static String free(String among, Collection<String> others) {
    return among
        .codePoints()
        .mapToObj(Character::toString)
        .filter(c -> others.stream().noneMatch(other -> other.contains(c)))
        .findFirst()
        .orElseThrow(
            () -> new InputException("the added tokens of tokenizer.json have each of " + among));
  }

  /// Returns the new name of a special token; any other text stays.
  String name(String special) {
    String name = names.get(special);
    return name == null ? special : name;
  }

  /// Returns the text of the copy.
  String copy(String json, Path file) {
    StringWriter text = new StringWriter(json.length() + 1024);
    try (JsonParser from = JSON.createParser(json);
        JsonGenerator to = JSON.createGenerator(ObjectWriteContext.empty(), text)) {
      from.nextToken();
      object(from, to, null);
    } catch (JacksonException e) {
      throw new InputException(file + " is not JSON any more; it was when it was loaded", e);
    }
    return text.toString();
  }

  /// @param within key of this object in the file; null: the top-level object
  private void object(JsonParser from, JsonGenerator to, @Nullable String within) {
    to.writeStartObject();
    while (from.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = from.currentName();
      to.writeName(key);
      JsonToken value = from.nextToken();
      if (within == null && key.equals("model") && value == JsonToken.START_OBJECT) {
        object(from, to, key);
      } else if (within == null && key.equals("added_tokens") && value == JsonToken.START_ARRAY) {
        added(from, to);
      } else if (within != null && key.equals("vocab")) {
        vocab(from, to);
      } else if (within != null && key.equals("merges") && value == JsonToken.START_ARRAY) {
        merges(from, to);
      } else if (within != null && key.equals("unk_token") && value == JsonToken.VALUE_STRING) {
        to.writeString(name(from.getString()));
      } else {
        to.copyCurrentStructure(from);
      }
    }
    to.writeEndObject();
  }

  private void added(JsonParser from, JsonGenerator to) {
    to.writeStartArray();
    while (from.nextToken() == JsonToken.START_OBJECT) {
      to.writeStartObject();
      while (from.nextToken() == JsonToken.PROPERTY_NAME) {
        String key = from.currentName();
        to.writeName(key);
        from.nextToken();
        if (key.equals("content")) {
          to.writeString(name(from.getString()));
        } else {
          to.copyCurrentStructure(from);
        }
      }
      to.writeEndObject();
    }
    to.writeEndArray();
  }

  /// Copies an object of ids, or Unigram's list of pieces with their scores.
  private void vocab(JsonParser from, JsonGenerator to) {
    if (from.currentToken() == JsonToken.START_OBJECT) {
      to.writeStartObject();
      while (from.nextToken() == JsonToken.PROPERTY_NAME) {
        to.writeName(name(from.currentName()));
        from.nextToken();
        to.copyCurrentStructure(from);
      }
      to.writeEndObject();
      return;
    }
    to.writeStartArray();
    while (from.nextToken() == JsonToken.START_ARRAY) {
      to.writeStartArray();
      from.nextToken();
      to.writeString(name(from.getString()));
      while (from.nextToken() != JsonToken.END_ARRAY) {
        to.copyCurrentStructure(from);
      }
      to.writeEndArray();
    }
    to.writeEndArray();
  }

  /// Copies merges, which are pairs, or texts with a space between both tokens.
  private void merges(JsonParser from, JsonGenerator to) {
    to.writeStartArray();
    for (JsonToken next = from.nextToken(); next != JsonToken.END_ARRAY; next = from.nextToken()) {
      boolean pair = next == JsonToken.START_ARRAY;
      String first;
      String second;
      if (pair) {
        from.nextToken();
        first = from.getString();
        from.nextToken();
        second = from.getString();
        from.nextToken();
      } else {
        String[] halves = from.getString().split(" ", 2);
        first = halves[0];
        second = halves.length > 1 ? halves[1] : "";
      }
      if (names.containsKey(first)
          || names.containsKey(second)
          || names.containsKey(first + second)) {
        continue;
      }
      if (pair) {
        to.writeStartArray();
        to.writeString(first);
        to.writeString(second);
        to.writeEndArray();
      } else {
        to.writeString(first + " " + second);
      }
    }
    to.writeEndArray();
  }
}
