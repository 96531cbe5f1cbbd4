package dev.nudge.settings.verb;

import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.Withers;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Settings of the `init` command.
///
/// @param tokenizerData files or globs of texts to train a tokenizer on; empty: no tokenizer
/// @param vocabSize size of the vocabulary, the end token included; null: the config's
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
        @Nullable Integer vocabSize)
    implements Withers<InitSettings> {

  /// The smallest vocabulary of a byte-level tokenizer: every byte and the end token.
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

  /// Makes a model with random weights and without a tokenizer.
  ///
  /// @param config `config.json` of the new model; the file may have any name
  public static InitSettings of(Path config, Path out) {
    return of(Map.of("config", config, "out", out));
  }

  /// The seed of the weights.
  public InitSettings withSeed(long seed) {
    return with("seed", seed);
  }

  /// Makes the settings from values by key, the rest at their defaults.
  public static InitSettings of(Map<String, ?> values) {
    return Schema.of(InitSettings.class).of(values);
  }
}
