package dev.nudge.generate;

import static java.util.Objects.requireNonNull;

import dev.nudge.data.ChatRows;
import dev.nudge.data.Dataset;
import dev.nudge.data.PromptEncoder;
import dev.nudge.data.PromptRow;
import dev.nudge.engine.RowScore;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.verb.DataShape;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.settings.verb.ShowRows;
import dev.nudge.text.Tokenizer;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/// Generates answers to the scored rows that [ShowRows] selects.
///
/// @param chat makes prompts as `generate` makes them
record Showing(
    ShowRows show, AdapterPatterns patterns, ChatRows chat, PromptEncoder encoder, int maxLength) {

  /// @throws InputException where no row asks anything
  static Showing of(
      ScoreSettings settings,
      Dataset data,
      AdapterPatterns patterns,
      Tokenizer tokenizer,
      int maxLength) {
    if (data.shapes().counts().keySet().equals(Set.of(DataShape.TEXT))) {
      throw new InputException(
          "--show needs rows with prompts, and these are plain text; give rows of prompt and"
              + " completion or of messages, or leave it out");
    }
    String template = settings.data().shape().template();
    ChatRows chat =
        ChatRows.of(
            settings.model().model(), settings.adapter(), template, TrainOn.ASSISTANT, tokenizer);
    PromptEncoder encoder = new PromptEncoder(tokenizer, chat, false);
    return new Showing(requireNonNull(settings.show()), patterns, chat, encoder, maxLength);
  }

  Scoring.Summary summary(
      Session session,
      List<RowScore> all,
      int badRows,
      Consumer<String> notes,
      Consumer<String> warnings) {
    List<PromptRow> questions = patterns.read(rows -> PromptRow.of(rows, maxLength, encoder));
    Set<Integer> wanted =
        all.stream()
            .filter(row -> show == ShowRows.ALL || !row.greedy())
            .map(RowScore::index)
            .collect(Collectors.toSet());
    List<PromptRow> asked = questions.stream().filter(q -> wanted.contains(q.index())).toList();
    int without = wanted.size() - asked.size();
    if (without > 0) {
      warnings.accept(
          "--show: %s no answer: no prompt, or --max-length leaves no room"
              .formatted(Count.of(without, "row", "has", "have")));
    }
    if (!asked.isEmpty()) {
      notes.accept("asks for " + Count.of(asked.size(), "answer"));
    }
    Integer turnEnd = chat.used() == null ? null : chat.turnEnd();
    List<RowAnswers.Row> shown = RowAnswers.of(session, asked, turnEnd);
    return Scoring.summary(all, badRows, shown, Confusion.of(questions, shown));
  }
}
