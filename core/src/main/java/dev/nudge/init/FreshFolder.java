package dev.nudge.init;

import dev.nudge.data.rows.PlainTexts;
import dev.nudge.format.NewFolder;
import dev.nudge.format.OutFolder;
import dev.nudge.model.FreshModel;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.InitSettings;
import dev.nudge.text.Bpe;
import dev.nudge.text.BpeTrainer;
import dev.nudge.text.WordCounts;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// Creates a model folder from scratch: a config, random weights and, given texts, a tokenizer.
///
/// If there is a tokenizer the config follows it: `vocab_size` is the number of its tokens, at most
/// as many as asked for, `eos_token_id` its end token.
///
/// The folder is renamed into place as a whole, so it is complete or absent.
public final class FreshFolder {
  /// The end token.
  public static final String END = "<|endoftext|>";

  private static final String CONFIG = "config.json";
  private static final String WEIGHTS = "model.safetensors";

  private final long start; // System.nanoTime()
  private final InitSettings settings;
  private final FreshModel model;
  private final @Nullable Bpe tokenizer;

  private FreshFolder(
      long start, InitSettings settings, FreshModel model, @Nullable Bpe tokenizer) {
    this.start = start;
    this.settings = settings;
    this.model = model;
    this.tokenizer = tokenizer;
  }

  /// The new folder and its size.
  ///
  /// @param bytes size of the weights
  /// @param vocabulary `vocab_size` of the folder's config
  /// @param merges number of the tokenizer's merges; 0: no tokenizer
  /// @param seconds time since [#prepare] was called
  public record Written(
      Path out, long parameters, long bytes, int vocabulary, int merges, double seconds) {}

  /// Checks the settings and trains the tokenizer; nothing is written.
  ///
  /// @throws InputException if settings, config or texts are wrong
  public static FreshFolder prepare(InitSettings settings) {
    long start = System.nanoTime();
    FreshModel model = FreshModel.read(settings.config());
    OutFolder.checkPlace(settings.out());
    if (!OutFolder.isFree(settings.out())) {
      throw new InputException("--out " + settings.out() + " is not empty; give a new folder");
    }
    if (settings.tokenizerData().isEmpty()) {
      return new FreshFolder(start, settings, model, null);
    }
    Bpe tokenizer = tokenizer(settings, model.config().vocabSize());
    return new FreshFolder(start, settings, model.with(tokenizer.size(), Bpe.END), tokenizer);
  }

  private static Bpe tokenizer(InitSettings settings, int configSize) {
    Integer given = settings.vocabSize();
    int size = given == null ? configSize : given;
    if (size < InitSettings.LEAST_VOCABULARY) {
      throw new InputException(
          settings.config()
              + ": vocab_size is "
              + size
              + "; a tokenizer has at least "
              + InitSettings.LEAST_VOCABULARY
              + " tokens, 256 bytes and the end token; set it, or --vocab-size");
    }
    WordCounts counts = new WordCounts();
    PlainTexts.each(settings.tokenizerData(), counts::add);
    if (counts.isEmpty()) {
      throw new InputException(
          "--tokenizer-data "
              + String.join(", ", settings.tokenizerData())
              + " holds no text; a tokenizer needs some");
    }
    return BpeTrainer.train(counts, size, END);
  }

  /// Writes the model folder; after a failure nothing of it is left.
  ///
  /// @param cancelled asked between tensors
  /// @return what was written; null if cancelled
  /// @throws dev.nudge.settings.RunException if the disk refuses
  public @Nullable Written write(BooleanSupplier cancelled) {
    Map<String, String> texts = new LinkedHashMap<>();
    texts.put(CONFIG, model.configJson());
    if (tokenizer != null) {
      texts.put("tokenizer.json", tokenizer.tokenizerJson());
      texts.put(
          "tokenizer_config.json", tokenizer.configJson(model.config().maxPositionEmbeddings()));
    }
    try (NewFolder folder = NewFolder.at(settings.out())) {
      Path weights = folder.path().resolve(WEIGHTS);
      OptionalLong bytes = model.write(weights, settings.seed(), cancelled);
      if (bytes.isEmpty()) {
        return null;
      }
      for (Map.Entry<String, String> text : texts.entrySet()) {
        OutFolder.place(folder.path().resolve(text.getKey()), text.getValue());
      }
      folder.place(List.of());
      return new Written(
          settings.out(),
          model.config().parameters(),
          bytes.getAsLong(),
          model.config().vocabSize(),
          tokenizer == null ? 0 : tokenizer.merges().size(),
          (System.nanoTime() - start) / 1e9);
    }
  }
}
