package dev.nudge.export;

import dev.nudge.format.FolderText;
import dev.nudge.format.Json;
import dev.nudge.gguf.GgufPairs;
import dev.nudge.gguf.GgufVocabulary;
import dev.nudge.merge.ProbeText;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatTemplate;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Puts a model's tokenizer and chat templates into the metadata of a GGUF file, and compares the
/// tokenizer that is read back with the model's own.
///
/// @param model folder or GGUF file
/// @param own `tokenizer.json` of an adapter that has added tokens; null: the model's
/// @param tokenizer loaded from it
record TokenizerKeys(Path model, @Nullable Path own, Tokenizer tokenizer, Path cache) {
  private static final String TEMPLATE = "tokenizer.chat_template";

  static TokenizerKeys of(Path model, @Nullable Path own, Path cache) {
    if (own == null && !FolderText.exists(model.resolve("tokenizer.json"))) {
      throw new InputException(
          "--model %s has no tokenizer.json, which a GGUF file needs; save the tokenizer there"
              .formatted(model));
    }
    Tokenizer tokenizer =
        own == null ? Tokenizer.load(model, cache) : Tokenizer.load(model, own, cache);
    return new TokenizerKeys(model, own, tokenizer, cache);
  }

  /// Puts the vocabulary: whoever exports a GGUF file copies its keys instead.
  ///
  /// @return as [GgufVocabulary#put]
  boolean vocabulary(GgufPairs pairs, ModelConfig config) {
    JsonNode declared = Json.readOrMissing(model.resolve("config.json")).path("bos_token_id");
    Integer bos = declared.isIntegralNumber() ? (Integer) declared.intValue() : null;
    if (tokenizer.bosId().isPresent()) {
      bos = tokenizer.bosId().getAsInt();
    }
    Integer padding = config.padTokenId();
    GgufVocabulary.Ids ids =
        new GgufVocabulary.Ids(
            bos != null && bos < config.vocabSize() ? bos : null,
            tokenizer.eosId(),
            config.eosTokenIds(),
            padding != null && padding >= 0 && padding < config.vocabSize() ? padding : null);
    Path file = own == null ? model.resolve("tokenizer.json") : own;
    return GgufVocabulary.put(pairs, file, Json.read(file), config.vocabSize(), ids);
  }

  /// Puts the chat templates.
  ///
  /// @param adapter whose template goes before the model's; null: none
  void templates(GgufPairs pairs, @Nullable Path adapter) {
    Map<String, String> sources = adapter == null ? Map.of() : ChatTemplate.sources(adapter);
    if (sources.isEmpty()) {
      sources = ChatTemplate.sources(model);
    }
    List<String> more = new ArrayList<>();
    sources.forEach(
        (name, text) -> {
          if (name.equals("default")) {
            pairs.text(TEMPLATE, text);
          } else {
            pairs.text(TEMPLATE + "." + name, text);
            more.add(name);
          }
        });
    if (!more.isEmpty()) {
      pairs.texts(TEMPLATE + "s", more);
    }
  }

  /// Refuses a file whose tokenizer, read back, gives a text other tokens.
  void compare(Path file) {
    Tokenizer written = Tokenizer.load(file, cache);
    List<String> passages = new ArrayList<>(ProbeText.passages());
    passages.add(tokenizer.token(tokenizer.eosId()) + " a");
    for (String passage : passages) {
      if (!Arrays.equals(written.ids(passage, false), tokenizer.ids(passage, false))) {
        throw new InputException(
            "--model %s: its tokenizer cannot be said in a GGUF file: \"%s …\" would have other tokens"
                .formatted(model, passage.substring(0, Math.min(40, passage.length()))));
      }
    }
  }
}
