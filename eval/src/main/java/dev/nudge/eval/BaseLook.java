package dev.nudge.eval;

import dev.nudge.data.AskedRows;
import dev.nudge.engine.RowScore;
import dev.nudge.generate.Session;
import dev.nudge.machine.Machine;
import dev.nudge.model.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.PreviewSettings;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/// Says what a model makes of rows before it is trained on them: how many it answers to the letter
/// with some solved ones in its prompt, and how far their text is from what it knows.
///
/// The distance is bits a byte: -Σ log₂ p of the rows' tokens, prompt and completion, over their
/// bytes in UTF-8, so tokenizers do not matter. Long English prose takes a base model about one bit
/// a byte and short rows more; a language that it hardly knows takes two and a half and more.
///
/// @param asked rows that were asked behind solved ones
/// @param exact how many of them it answers to the letter, greedily
/// @param bitsAByte of the rows by themselves
public record BaseLook(int asked, int exact, double bitsAByte) {
  private static final double ANSWERED = 0.5;
  private static final int FEWEST = 10; // rows that say something
  private static final double FAR = 2.5;

  /// Loads the model and asks it.
  ///
  /// @throws InputException where there is no row to ask
  public static BaseLook of(
      PreviewSettings settings, int most, Machine machine, Consumer<String> warnings) {
    Path folder = settings.model().model();
    int maxLength = Session.maxLength(settings.model(), ModelConfig.load(folder));
    Tokenizer tokenizer = Tokenizer.load(folder, machine.cache());
    AskedRows rows = AskedRows.of(settings.data(), most, maxLength, tokenizer);
    if (rows.rows().isEmpty()) {
      throw new InputException(
          "--ask-base: there is no row with a prompt and completion, or a text, within --max-length "
              + maxLength
              + "; conversations cannot be asked, so leave it out");
    }
    try (Session session =
        Session.load(settings.model(), null, tokenizer, null, machine, warnings)) {
      List<RowScore> alone = session.score(rows.rows(), settings.model().lanes(), row -> {});
      List<RowScore> solved =
          rows.solved().isEmpty()
              ? List.of()
              : session.score(rows.solved(), settings.model().lanes(), row -> {});
      double nats = -alone.stream().mapToDouble(RowScore::logprob).sum();
      return new BaseLook(
          solved.size(),
          (int) solved.stream().filter(RowScore::greedy).count(),
          nats / Math.log(2) / Math.max(1, rows.bytes()));
    }
  }

  /// One line of what was seen.
  @Override
  public String toString() {
    String answered =
        asked == 0
            ? ""
            : String.format(
                Locale.ROOT,
                "%,d of %,d rows to the letter, with %d solved ones in the prompt; ",
                exact,
                asked,
                AskedRows.SHOTS);
    return answered + String.format(Locale.ROOT, "%.2f bits a byte", bitsAByte);
  }

  /// What to do instead of an adapter, a line each.
  public List<String> advice() {
    List<String> advice = new ArrayList<>();
    if (asked >= FEWEST && exact >= ANSWERED * asked) {
      advice.add(
          String.format(
              Locale.ROOT,
              "the base answers %,d of %,d rows with %d solved ones in its prompt; try such a prompt first, and train where it must be better, shorter or cheaper",
              exact,
              asked,
              AskedRows.SHOTS));
    }
    if (bitsAByte >= FAR) {
      advice.add(
          String.format(
              Locale.ROOT,
              "the text is far from what the base knows (%.1f bits a byte; English prose is about 1): an adapter teaches a task, not a language; take a base that knows it, or go on with its pre-training first (--method full on much plain text)",
              bitsAByte));
    }
    return advice;
  }
}
