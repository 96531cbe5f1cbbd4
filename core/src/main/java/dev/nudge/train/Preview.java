package dev.nudge.train;

import dev.nudge.data.Batches;
import dev.nudge.data.ChatRows;
import dev.nudge.data.Dataset;
import dev.nudge.data.Flaws;
import dev.nudge.data.LengthBins;
import dev.nudge.data.Splits;
import dev.nudge.data.TokenCache;
import dev.nudge.data.UnusedLabels;
import dev.nudge.data.rows.Answers;
import dev.nudge.data.rows.WantedRows;
import dev.nudge.data.tokens.SeenRow;
import dev.nudge.data.tokens.SpecialTokenCounts;
import dev.nudge.machine.Machine;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.train.EvalSettings;
import dev.nudge.settings.train.PreviewSettings;
import dev.nudge.settings.train.QualitySettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/// Shows training rows as a model will see them, without loading it: the first rows, and counts.
///
/// @param rows the first rows
/// @param data all rows, for counts
/// @param flaws problems found in the rows
/// @param steps of a run over the rows
/// @param epochs of that run
/// @param advice one line each
public record Preview(
    List<SeenRow> rows,
    Dataset data,
    Flaws flaws,
    LengthBins lengths,
    SpecialTokenCounts ends,
    int steps,
    double epochs,
    List<String> advice) {
  /// Reads all rows.
  ///
  /// @throws dev.nudge.settings.InputException in one line, for user errors
  public static Preview of(PreviewSettings settings, Machine machine) {
    return of(settings, machine, (rows, tokens, share) -> {});
  }

  /// Reads all rows and reports progress.
  ///
  /// @param watch receives the progress of tokenisation
  public static Preview of(PreviewSettings settings, Machine machine, TokenCache.Watch watch) {
    Path folder = settings.model().model();
    ModelConfig config = ModelConfig.load(folder);
    int most =
        Objects.requireNonNullElse(settings.model().maxLength(), config.maxPositionEmbeddings());
    Tokenizer tokenizer = Tokenizer.load(folder, machine.cache());
    ChatRows chat = ChatRows.of(folder, settings.data(), tokenizer).on(Instant.now());
    WantedRows rows = WantedRows.recognised(settings.data(), settings.objective());
    Splits splits =
        Splits.load(
            new Splits.Request(
                settings.data(),
                new EvalSettings(null, null, null),
                QualitySettings.KEEP,
                settings.length(),
                0,
                rows),
            most,
            tokenizer,
            chat,
            TokenCache.in(machine.cache()).watched(watch));
    Dataset data = splits.train();
    data.examples().forEach(example -> config.checkTokens(example.ids()));
    Batches batches = Batches.of(data.rows(), settings.batchSize(), 0, false);
    SpecialTokenCounts ends = data.ends(tokenizer);
    return new Preview(
        splits.seen(settings.limit(), tokenizer),
        data,
        splits.flaws(),
        data.lengths(),
        ends,
        batches.steps(settings.epochs()),
        settings.epochs(),
        advice(folder, settings.data(), rows, chat, data, ends));
  }

  private static List<String> advice(
      Path folder,
      DataSettings settings,
      WantedRows rows,
      ChatRows chat,
      Dataset data,
      SpecialTokenCounts ends) {
    List<String> advice = new ArrayList<>();
    if (data.shapes().spoken() > 0 && settings.shape().template() != null) {
      chat.warnStrange(folder, advice::add);
    }
    ChatRows.warnUnused(settings, data.shapes(), advice::add);
    UnusedLabels.warn(settings, data, advice::add);
    if (data.pairs() == null && data.groups() == null) { // answers to compare have another shape
      Answers.warn(settings, rows, advice::add);
    }
    if (data.pairs() != null) {
      advice.add(data.pairs().toString());
      advice.addAll(data.pairs().warnings());
    }
    if (data.groups() != null) {
      advice.add(data.groups().toString());
      advice.addAll(data.groups().warnings());
    }
    String spaces = data.boundary().advice(settings);
    if (spaces != null) {
      advice.add(spaces);
    }
    if (ends.begunTwice() > 0) {
      advice.add(
          "rows begin with the beginning-of-text token twice: the text writes it and the tokenizer"
              + " adds it; take it out of the rows or the pattern");
    }
    if (ends.ended() == 0 && !data.promptsOnly()) {
      advice.add("no end token is trained, so the model does not learn where to stop");
    }
    return advice;
  }

  /// Number of tokens of the whole run.
  public long runTokens() {
    return Math.round(epochs * data.tokens());
  }

  /// The share of labelled tokens among all tokens.
  public double trainedShare() {
    return (double) data.trainedTokens() / data.tokens();
  }
}
