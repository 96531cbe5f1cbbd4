package dev.nudge.train.replay;

import dev.nudge.data.Batches;
import dev.nudge.data.Conversations;
import dev.nudge.data.Dataset;
import dev.nudge.data.TokenCache;
import dev.nudge.data.rows.ContentDigest;
import dev.nudge.data.tokens.Example;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.train.LoopSettings;
import dev.nudge.settings.train.ObjectiveSettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.settings.verb.ShapeSettings;
import dev.nudge.text.Tokenizer;
import java.io.File;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Rows on which a run stays near the base (`--replay`): each step takes a quarter as many of them
/// as it has rows, in an order of their own.
///
/// A long text is several rows, of at most a thousand tokens each: many rows hold the model better
/// than long ones.
///
/// @param longest tokens of the longest row
/// @param weight of the mean divergence in the loss
public record Replay(List<Example> examples, int longest, Batches batches, double weight) {
  /// Most tokens of a replayed row.
  public static final int LONGEST = 1024;

  /// Rows of a step per replayed row.
  public static final int SHARE = 4;

  /// Reads the rows that the settings name; null: none.
  ///
  /// @param template chat template of conversations; null: the model's own
  public static @Nullable Replay load(
      ObjectiveSettings settings,
      LoopSettings loop,
      @Nullable String template,
      int maxLength,
      Tokenizer tokenizer,
      Conversations chat,
      TokenCache cache) {
    if (settings.replay().isEmpty()) {
      return null;
    }
    Dataset data = read(settings, template, maxLength, tokenizer, chat, cache);
    int rows = Math.ceilDiv(loop.batchSize(), SHARE);
    Batches batches = Batches.of(data.rows(), rows, loop.seed() + 1, loop.shuffle());
    return new Replay(data.examples(), data.longest(), batches, settings.replayWeight());
  }

  /// Reads only the rows.
  public static Dataset read(
      ObjectiveSettings settings,
      @Nullable String template,
      int maxLength,
      Tokenizer tokenizer,
      Conversations chat,
      TokenCache cache) {
    for (String file : settings.replay()) {
      String hint = Nearest.hint(file, List.of(GeneralRows.NAME));
      boolean word = file.matches("\\w+") && !file.equals(GeneralRows.NAME);
      if (word && !hint.isEmpty() && !new File(file).exists()) {
        throw new InputException("--replay: %s does not exist%s".formatted(file, hint));
      }
    }
    if (settings.replay().contains(GeneralRows.NAME)) {
      try (GeneralRows general = GeneralRows.copied()) {
        List<String> files = general.in(settings.replay(), chat);
        return read(files, template, maxLength, tokenizer, chat, cache);
      }
    }
    return read(settings.replay(), template, maxLength, tokenizer, chat, cache);
  }

  private static Dataset read(
      List<String> files,
      @Nullable String template,
      int maxLength,
      Tokenizer tokenizer,
      Conversations chat,
      TokenCache cache) {
    DataSettings rows =
        new DataSettings(
            files,
            null,
            null,
            new ShapeSettings(null, List.of(), null, template),
            TrainOn.ASSISTANT,
            false);
    return Dataset.load(
        rows, new LengthSettings(true, true), Math.min(LONGEST, maxLength), tokenizer, chat, cache);
  }

  /// The digest of the rows' files; null: there are none.
  public static @Nullable String digest(ObjectiveSettings settings) {
    if (settings.replay().contains(GeneralRows.NAME)) {
      try (GeneralRows general = GeneralRows.copied()) {
        return general.digest(settings.replay());
      }
    }
    return settings.replay().isEmpty() ? null : ContentDigest.of(settings.replay());
  }
}
