package dev.nudge.text;

import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;

/// Finds the end tokens that the files of a model folder name.
///
/// The end token of training is the tokenizer's `eos_token`: from `tokenizer_config.json`, else
/// `special_tokens_map.json` (a string, or an object with `content`), else `eos_token_id` of
/// `config.json` (of a list the first). Generation stops on every id that `generation_config.json`,
/// `config.json` or the tokenizer names.
final class EndTokens {
  private EndTokens() {}

  /// Returns the id that ends a row, or null where no file names one.
  static @Nullable Integer end(Path folder, Vocabulary vocabulary) {
    for (String name : List.of("tokenizer_config.json", "special_tokens_map.json")) {
      JsonNode eos = read(folder.resolve(name)).path("eos_token");
      JsonNode content = eos.isObject() ? eos.path("content") : eos;
      if (content.isString()) {
        Integer id = vocabulary.id(content.stringValue());
        if (id == null) {
          throw new InputException(
              folder.resolve(name)
                  + " names the end token '"
                  + content.stringValue()
                  + "', which tokenizer.json does not have");
        }
        return id;
      }
    }
    int[] ids = ids(read(folder.resolve("config.json")));
    if (ids.length == 0) {
      return null;
    }
    if (vocabulary.token(ids[0]) == null) {
      throw new InputException(
          folder.resolve("config.json")
              + " names the end token "
              + ids[0]
              + ", which tokenizer.json does not have");
    }
    return ids[0];
  }

  /// Returns the ids that end a generation, in ascending order; empty where no file names one.
  static int[] all(Path folder, @Nullable Integer end) {
    IntStream files =
        IntStream.concat(
            IntStream.of(ids(read(folder.resolve("generation_config.json")))),
            IntStream.of(ids(read(folder.resolve("config.json")))));
    IntStream all = end == null ? files : IntStream.concat(files, IntStream.of(end));
    return all.distinct().sorted().toArray();
  }

  private static int[] ids(JsonNode config) {
    JsonNode eos = config.path("eos_token_id");
    if (eos.isIntegralNumber()) {
      return new int[] {eos.intValue()};
    }
    return eos.valueStream()
        .filter(JsonNode::isIntegralNumber)
        .mapToInt(JsonNode::intValue)
        .toArray();
  }

  private static JsonNode read(Path file) {
    return Files.isRegularFile(file) ? Json.read(file) : MissingNode.getInstance();
  }
}
