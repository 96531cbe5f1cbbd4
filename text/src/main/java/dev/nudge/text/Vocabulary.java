package dev.nudge.text;

import dev.nudge.format.JsonMistake;
import dev.nudge.settings.InputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.json.JsonFactory;

/// Reads a tokenizer's vocabulary from `tokenizer.json`, which the native library does not expose.
///
/// From `tokenizer.json`: `model.vocab` (an object of ids, or Unigram's list of pieces with their
/// scores) and `added_tokens`, which take precedence; and `decoder`: how a token is spelled, so
/// which bytes it adds to a text. The file is streamed; merges are skipped.
final class Vocabulary {
  private static final char BLOCK = '\u2581';
  private static final Pattern BYTE = Pattern.compile("<0x[0-9A-Fa-f]{2}>");

  private final Map<String, Integer> ids = new HashMap<>();
  private final Map<Integer, String> tokens = new HashMap<>();
  private final BitSet bytes = new BitSet();
  private final BitSet special = new BitSet();
  private final BitSet added = new BitSet();
  private @Nullable String unknownToken;
  private int unknown = -1;
  private boolean byteFallback;
  private boolean byteLevel;
  private boolean blocks; // ▁ stands for a space
  private int size;

  private Vocabulary() {}

  static Vocabulary read(String json, Path file) {
    Vocabulary vocabulary = new Vocabulary();
    try (JsonParser parser = new JsonFactory().createParser(json)) {
      parser.nextToken();
      vocabulary.readTop(parser);
    } catch (JacksonException e) {
      throw new InputException(file + " is not JSON: " + JsonMistake.of(e), e);
    }
    vocabulary.index();
    return vocabulary;
  }

  @Nullable Integer id(String token) {
    return ids.get(token);
  }

  @Nullable String token(int id) {
    return tokens.get(id);
  }

  /// Returns one more than the largest id.
  int size() {
    return size;
  }

  /// Whether the token is one byte (`<0xE2>`) that the decoder joins with adjacent ones.
  boolean isByte(int id) {
    return byteFallback && id >= 0 && bytes.get(id);
  }

  /// Whether decoding without special tokens skips the id.
  boolean isSilent(int id) {
    return id < 0 || special.get(id) || !tokens.containsKey(id);
  }

  /// Whether this is a special token.
  boolean isSpecial(int id) {
    return id >= 0 && special.get(id);
  }

  /// Returns the ids of the added tokens, special ones among them.
  IntStream added() {
    return added.stream();
  }

  /// Returns the id of the unknown token; -1: none.
  int unknown() {
    return unknown;
  }

  /// Whether [#bytes] supports the decoder.
  boolean hasBytes() {
    return byteLevel || blocks;
  }

  /// Returns the bytes that a token adds to a text; null for a token that [#isSilent].
  byte @Nullable [] bytes(int id) {
    String token = tokens.get(id);
    if (token == null || isSilent(id)) {
      return null;
    }
    if (byteLevel) {
      return ByteLevel.bytes(token);
    }
    if (isByte(id)) {
      return new byte[] {(byte) Integer.parseInt(token.substring(3, 5), 16)};
    }
    return token.replace(BLOCK, ' ').getBytes(StandardCharsets.UTF_8);
  }

  private void index() {
    ids.forEach(
        (token, id) -> {
          tokens.put(id, token);
          size = Math.max(size, id + 1);
          if (BYTE.matcher(token).matches()) {
            bytes.set(id);
          }
        });
    Integer named = unknownToken == null ? null : ids.get(unknownToken);
    unknown = named == null ? unknown : named;
  }

  private void readTop(JsonParser parser) {
    Map<String, Integer> added = new HashMap<>();
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String name = parser.currentName();
      parser.nextToken();
      switch (name) {
        case "model" -> readModel(parser);
        case "added_tokens" -> readAdded(parser, added);
        case "decoder" -> readDecoder(parser);
        default -> parser.skipChildren();
      }
    }
    ids.putAll(added);
  }

  private void readModel(JsonParser parser) {
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String name = parser.currentName();
      boolean vocab = name.equals("vocab");
      JsonToken value = parser.nextToken();
      if (vocab && value == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
          String token = parser.currentName();
          parser.nextToken();
          ids.put(token, parser.getIntValue());
        }
      } else if (vocab && value == JsonToken.START_ARRAY) {
        for (int id = 0; parser.nextToken() == JsonToken.START_ARRAY; id++) {
          parser.nextToken();
          ids.put(parser.getString(), id);
          while (parser.nextToken() != JsonToken.END_ARRAY) {}
        }
      } else if (name.equals("unk_token") && value == JsonToken.VALUE_STRING) {
        unknownToken = parser.getString();
      } else if (name.equals("unk_id") && value == JsonToken.VALUE_NUMBER_INT) {
        unknown = parser.getIntValue();
      } else {
        parser.skipChildren();
      }
    }
  }

  private void readAdded(JsonParser parser, Map<String, Integer> added) {
    while (parser.nextToken() == JsonToken.START_OBJECT) {
      String content = null;
      int id = -1;
      boolean hidden = false;
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        if (name.equals("content")) {
          content = parser.getString();
        } else if (name.equals("id")) {
          id = parser.getIntValue();
        } else if (name.equals("special")) {
          hidden = parser.getBooleanValue();
        }
      }
      if (content != null && id >= 0) {
        added.put(content, id);
        special.set(id, hidden);
        this.added.set(id);
      }
    }
  }

  private void readDecoder(JsonParser parser) {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      return;
    }
    int depth = 1;
    while (depth > 0) {
      JsonToken token = parser.nextToken();
      if (token == JsonToken.START_OBJECT || token == JsonToken.START_ARRAY) {
        depth++;
      } else if (token == JsonToken.END_OBJECT || token == JsonToken.END_ARRAY) {
        depth--;
      } else if (token == JsonToken.VALUE_STRING) {
        String text = parser.getString();
        byteFallback |= text.equals("ByteFallback");
        byteLevel |= text.equals("ByteLevel");
        blocks |= text.equals("Metaspace") || text.equals(String.valueOf(BLOCK));
      }
    }
  }
}
