package dev.nudge.eval;

import dev.nudge.data.ProbeRows;
import dev.nudge.engine.RowScore;
import dev.nudge.generate.Session;
import dev.nudge.machine.Machine;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.PreviewSettings;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/// Scores a base model on dataset rows before training: few-shot exact match and bits per byte.
///
/// Bits per byte is −Σ log₂ p over the tokens of prompt and completion, divided by the UTF-8 bytes
/// of the rows, so models with different tokenizers compare. A base model needs about 1 bit per
/// byte for long English prose, more for short rows, and 2.5 or more for a language that it hardly
/// knows.
///
/// @param asked rows that the model answered with few-shot examples in the prompt
/// @param exact rows of `asked` whose greedy answer equals the completion
/// @param bitsAByte bits per byte of the rows without few-shot examples
public record BaseLook(int asked, int exact, double bitsAByte) {
  private static final double ANSWERED = 0.5;
  private static final int FEWEST = 10; // fewer rows give no advice
  private static final double FAR = 2.5;

  /// Loads the base model and scores the rows.
  ///
  /// @throws InputException if no row can be scored
  public static BaseLook of(
      PreviewSettings settings, int most, Machine machine, Consumer<String> warnings) {
    Path folder = settings.model().model();
    int maxLength = Session.maxLength(settings.model(), ModelConfig.load(folder));
    Tokenizer tokenizer = Tokenizer.load(folder, machine.cache());
    ProbeRows rows = ProbeRows.of(settings.data(), most, maxLength, tokenizer);
    if (rows.rows().isEmpty()) {
      throw new InputException(
          "--ask-base: there is no row with a prompt and completion, or a text, within --max-length"
              + " "
              + maxLength
              + "; chat rows cannot be scored, so leave it out");
    }
    try (Session session =
        Session.load(settings.model(), null, tokenizer, null, machine, warnings)) {
      List<RowScore> zeroShot = session.score(rows.rows(), settings.model().lanes(), row -> {});
      List<RowScore> solved =
          rows.solved().isEmpty()
              ? List.of()
              : session.score(rows.solved(), settings.model().lanes(), row -> {});
      double nats = -zeroShot.stream().mapToDouble(RowScore::logprob).sum();
      return new BaseLook(
          solved.size(),
          (int) solved.stream().filter(RowScore::greedy).count(),
          nats / Math.log(2) / Math.max(1, rows.bytes()));
    }
  }

  /// One line with the measured numbers.
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
                ProbeRows.SHOTS);
    return answered + String.format(Locale.ROOT, "%.2f bits a byte", bitsAByte);
  }

  /// Alternatives to training an adapter that the numbers suggest, one line each.
  public List<String> advice() {
    List<String> advice = new ArrayList<>();
    if (asked >= FEWEST && exact >= ANSWERED * asked) {
      advice.add(
          String.format(
              Locale.ROOT,
              "the base answers %,d of %,d rows with %d solved ones in its prompt; try such a"
                  + " prompt first, and train where it must be better, shorter or cheaper",
              exact,
              asked,
              ProbeRows.SHOTS));
    }
    if (bitsAByte >= FAR) {
      advice.add(
          String.format(
              Locale.ROOT,
              "the text is far from what the base knows (%.1f bits a byte; English prose is about"
                  + " 1): an adapter teaches a task, not a language; take a base that knows it, or"
                  + " go on with its pre-training first (--method full on much plain text)",
              bitsAByte));
    }
    return advice;
  }
}
