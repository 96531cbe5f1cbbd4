package dev.nudge.format;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;

/// Streams one JSON object from an untrusted file: UTF-8 only, no duplicate keys, limited depth,
/// no trailing text. An error names the file and the place.
///
/// No tree is built, so a header of 100 MB needs little memory.
final class StrictJson {
  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          // Keys are untrusted: a file could fill Jackson's shared table of names.
          .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(64)
                  .maxNumberLength(100)
                  .maxNameLength(10_000)
                  .maxStringLength(20_000_000)
                  .build())
          .build();

  private final Path file;
  private final String part;
  private final JsonParser parser;

  private StrictJson(Path file, String part, JsonParser parser) {
    this.file = file;
    this.part = part;
    this.parser = parser;
  }

  /// Reads the object in `in`; calls `each` after each key, to read its value.
  ///
  /// @param part the JSON's name for messages: "header"
  static void read(Path file, String part, InputStream in, Consumer<StrictJson> each) {
    var decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    try (JsonParser parser = FACTORY.createParser(new InputStreamReader(in, decoder))) {
      var json = new StrictJson(file, part, parser);
      parser.nextToken();
      json.properties(part, each);
      if (parser.nextToken() != null) {
        throw json.refuse("has " + json.found() + " behind its closing brace; nothing may follow");
      }
    } catch (JacksonException e) {
      throw refusal(file, part, e);
    }
  }

  private static InputException refusal(Path file, String part, JacksonException e) {
    if (e.getCause() instanceof CharacterCodingException) {
      return Refusal.of(file, part + " is not UTF-8", e);
    }
    if (e.getCause() instanceof IOException io) {
      return Refusal.of(file, part + " cannot be read: " + io.getMessage(), e);
    }
    var at = e.getLocation();
    String place =
        at == null || at.getCharOffset() < 0 ? "" : " at character " + at.getCharOffset();
    return Refusal.of(file, part + " is not valid JSON" + place + ": " + JsonMistake.of(e), e);
  }

  /// Reads the properties of an object; the current token is its start.
  void properties(String what, Consumer<StrictJson> each) {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      throw refuse(what + " is " + found() + "; an object is needed");
    }
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      unicode((what.equals(part) ? "" : what + ": ") + "a name", name());
      each.accept(this);
    }
  }

  /// Returns the key of the next value.
  String name() {
    return parser.currentName();
  }

  /// Moves to the value of the current key.
  StrictJson value() {
    parser.nextToken();
    return this;
  }

  boolean isNull() {
    return parser.currentToken() == JsonToken.VALUE_NULL;
  }

  /// Skips the current value.
  void skip() {
    parser.skipChildren();
  }

  String text(String what) {
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw refuse(what + " is " + found() + "; a string is needed");
    }
    return unicode(what, parser.getString());
  }

  /// Throws on an unpaired surrogate, which an escape can spell but UTF-8 cannot.
  private String unicode(String what, String text) {
    if (text.codePoints().anyMatch(c -> c >= 0xd800 && c <= 0xdfff)) {
      throw refuse(what + " is " + Refusal.quote(text) + ", with half of a surrogate pair");
    }
    return text;
  }

  /// Reads an array of at most `most` whole numbers from 0 to 2⁶³ − 1.
  long[] wholeNumbers(String what, int most) {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw refuse(what + " is " + found() + "; an array of whole numbers is needed");
    }
    long[] numbers = new long[most];
    int n = 0;
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (n == most) {
        throw refuse(
            what + " has more than " + most + " numbers; at most " + most + " are allowed");
      }
      numbers[n++] = wholeNumber(what);
    }
    return Arrays.copyOf(numbers, n);
  }

  private long wholeNumber(String what) {
    boolean whole = parser.currentToken() == JsonToken.VALUE_NUMBER_INT;
    if (!whole
        || parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
        || parser.getLongValue() < 0) {
      throw refuse(what + " holds " + found() + "; whole numbers from 0 to 2^63 - 1 are allowed");
    }
    return parser.getLongValue();
  }

  InputException refuse(String what) {
    return Refusal.of(file, part.equals(what) ? what : part + ": " + what);
  }

  /// Describes the current token, for messages.
  private String found() {
    @Nullable JsonToken token = parser.currentToken();
    return token == null
        ? "empty"
        : switch (token) {
          case START_OBJECT -> "an object";
          case START_ARRAY -> "an array";
          case VALUE_STRING -> "the string " + Refusal.quote(parser.getString());
          default -> Refusal.oneLine(String.valueOf(parser.getString()), 120);
        };
  }
}
