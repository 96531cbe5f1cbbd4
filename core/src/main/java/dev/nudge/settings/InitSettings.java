package dev.nudge.settings;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What `init` can be told.
///
/// @param tokenizerData files or globs; empty: the folder gets no tokenizer
/// @param vocabSize tokens of the tokenizer, its end token included; null: as the config says
public record InitSettings(
    @Setting(help = "config.json of the new model, of any name", required = true, label = "FILE")
        Path config,
    @Setting(help = "folder of the new model", required = true, label = "FOLDER") Path out,
    @Setting(help = "seed of the weights", byDefault = "0") long seed,
    @Setting(
            help = "JSONL or .txt file or glob to train a tokenizer on; may be given several times",
            label = "FILE")
        List<String> tokenizerData,
    @Setting(help = "most tokens of the tokenizer (default: what the config says)")
        @Nullable Integer vocabSize) {

  /// The fewest tokens of a byte-level tokenizer: every byte and the end token.
  public static final int LEAST_VOCABULARY = 257;

  public InitSettings {
    tokenizerData = List.copyOf(tokenizerData);
    tokenizerData.forEach(file -> Check.notBlank("--tokenizer-data", file));
    if (vocabSize != null && tokenizerData.isEmpty()) {
      throw new InputException(
          "--vocab-size is given without --tokenizer-data; give both, or leave it out");
    }
    if (vocabSize != null && vocabSize < LEAST_VOCABULARY) {
      throw Check.wrong(
          "--vocab-size",
          vocabSize,
          "at least " + LEAST_VOCABULARY + ", 256 bytes and the end token");
    }
  }

  /// Takes values by key, the rest at their defaults.
  public static InitSettings of(Map<String, ?> values) {
    return Schema.of(InitSettings.class).of(values);
  }
}
