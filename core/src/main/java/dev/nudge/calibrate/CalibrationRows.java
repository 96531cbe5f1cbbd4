package dev.nudge.calibrate;

import dev.nudge.data.ChatRows;
import dev.nudge.data.Dataset;
import dev.nudge.data.TokenCache;
import dev.nudge.data.tokens.Example;
import dev.nudge.machine.Machine;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.Count;
import dev.nudge.settings.verb.CalibrationSettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.function.Consumer;

/// Reads the rows to calibrate on, as `train` reads rows: through the chat template where they are
/// conversations, prompt and completion as one text.
final class CalibrationRows {
  private static final Instant DAY = Instant.parse("2026-01-01T00:00:00Z"); // same tokens each day

  private CalibrationRows() {}

  /// The token ids of the first rows.
  ///
  /// @param data the files, and how they are read
  /// @param warnings receives one line each
  /// @throws dev.nudge.settings.InputException if there is no row, or a bad one
  static List<int[]> of(
      QuantizeSettings settings,
      DataSettings data,
      ModelConfig config,
      Machine machine,
      Consumer<String> warnings) {
    CalibrationSettings wanted = settings.calibration();
    Path model = settings.model();
    int positions = config.maxPositionEmbeddings();
    if (wanted.maxLength() != null && wanted.maxLength() > positions) {
      warnings.accept(
          "--max-length %d is above the model's max_position_embeddings; rows are cut to %d tokens"
              .formatted(wanted.maxLength(), positions));
    }
    Tokenizer tokenizer = Tokenizer.load(model, machine.cache());
    Dataset rows =
        Dataset.whole(
            data,
            true,
            Math.min(wanted.tokens(), positions),
            tokenizer,
            ChatRows.of(model, data, tokenizer).on(DAY),
            TokenCache.in(machine.cache()));
    List<int[]> ids = rows.examples().stream().limit(wanted.rows()).map(Example::ids).toList();
    ids.forEach(config::checkTokens);
    long tokens = ids.stream().mapToLong(row -> row.length).sum();
    int widest = Math.max(config.hiddenSize(), config.intermediateSize());
    if (tokens < widest) {
      warnings.accept(
          "%s of --calibration, %s: fewer than the %d inputs of the widest layer, so much of what it does is not seen; 128 rows of hundreds of tokens are usual"
              .formatted(Count.of(ids.size(), "row"), Count.of(tokens, "token"), widest));
    }
    return ids;
  }
}
