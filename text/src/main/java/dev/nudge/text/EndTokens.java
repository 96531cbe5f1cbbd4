package dev.nudge.text;

import dev.nudge.format.FolderText;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;

/// Finds the end-of-sequence token for training: the tokenizer's `eos_token` in
/// `tokenizer_config.json`, else in `special_tokens_map.json` (a string, or an object with
/// `content`), else the first `eos_token_id` of `config.json`.
final class EndTokens {
  private EndTokens() {}

  /// Returns the id that ends a row, or null where no file names one.
  static @Nullable Integer end(Path folder, Vocabulary vocabulary) {
    Integer named = named(folder, vocabulary, "eos_token");
    if (named != null) {
      return named;
    }
    JsonNode eos = read(folder.resolve("config.json")).path("eos_token_id");
    JsonNode first = eos.isArray() ? eos.path(0) : eos;
    if (!first.isIntegralNumber()) {
      return null;
    }
    if (vocabulary.token(first.intValue()) == null) {
      throw new InputException(
          folder.resolve("config.json")
              + " names the end token "
              + first.intValue()
              + ", which tokenizer.json does not have");
    }
    return first.intValue();
  }

  /// Returns the id of a token that the tokenizer names, or null.
  ///
  /// @param key such as `bos_token`
  static @Nullable Integer named(Path folder, Vocabulary vocabulary, String key) {
    for (String name : List.of("tokenizer_config.json", "special_tokens_map.json")) {
      JsonNode token = read(folder.resolve(name)).path(key);
      JsonNode content = token.isObject() ? token.path("content") : token;
      if (content.isString()) {
        Integer id = vocabulary.id(content.stringValue());
        if (id == null) {
          throw new InputException(
              folder.resolve(name)
                  + " names the "
                  + (key.equals("eos_token") ? "end token" : key)
                  + " '"
                  + content.stringValue()
                  + "', which tokenizer.json does not have");
        }
        return id;
      }
    }
    return null;
  }

  private static JsonNode read(Path file) {
    return FolderText.exists(file) ? Json.read(file) : MissingNode.getInstance();
  }
}
