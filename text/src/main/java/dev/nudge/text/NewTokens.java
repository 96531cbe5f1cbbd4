package dev.nudge.text;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Adds tokens to a tokenizer as `add_tokens` of transformers does: their ids follow the largest.
public final class NewTokens {
  private NewTokens() {}

  /// Reads a file of new tokens, one per line; blank lines are skipped.
  ///
  /// @throws InputException if the file is missing or wrong, in one line that names it
  public static List<String> read(Path file) {
    Set<String> tokens = new LinkedHashSet<>();
    int line = 0;
    for (String text : lines(file)) {
      line++;
      String token = line == 1 && text.startsWith("\uFEFF") ? text.substring(1) : text;
      if (!token.isBlank() && !token.equals(token.strip())) {
        throw new InputException(
            "--add-tokens %s: line %d: '%s' begins or ends with a blank, which is hard to see; take it away"
                .formatted(file, line, token));
      }
      if (!token.isBlank() && !tokens.add(token)) {
        throw new InputException(
            "--add-tokens %s: line %d: '%s' is a duplicate".formatted(file, line, token));
      }
    }
    if (tokens.isEmpty()) {
      throw new InputException("--add-tokens %s holds no token; give one a line".formatted(file));
    }
    return List.copyOf(tokens);
  }

  private static List<String> lines(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new InputException("--add-tokens %s: no such file".formatted(file));
    }
    try {
      return Files.readAllLines(file);
    } catch (CharacterCodingException e) {
      throw new InputException("--add-tokens %s is not UTF-8 text".formatted(file), e);
    } catch (IOException e) {
      throw new InputException(
          "--add-tokens %s cannot be read: %s".formatted(file, OutFolder.reason(e)), e);
    }
  }

  /// Returns the text of `tokenizer.json` with the tokens added.
  static String add(String json, Path file, List<String> tokens) {
    Vocabulary vocabulary = Vocabulary.read(json, file);
    for (String token : tokens) {
      Integer id = vocabulary.id(token);
      if (id != null) {
        throw new InputException(
            "--add-tokens: '%s' is token %d of %s already; leave it out"
                .formatted(token, id, file));
      }
    }
    JsonNode root = Json.parse(json);
    if (!(root instanceof ObjectNode object)) {
      throw new InputException(file + " holds no JSON object");
    }
    ArrayNode added =
        object.get("added_tokens") instanceof ArrayNode there
            ? there
            : object.putArray("added_tokens");
    int id = vocabulary.size();
    for (String token : tokens) {
      added
          .addObject()
          .put("id", id++)
          .put("content", token)
          .put("single_word", false)
          .put("lstrip", false)
          .put("rstrip", false)
          .put("normalized", true)
          .put("special", false);
    }
    return object.toString();
  }
}
