package dev.nudge.generate;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.data.ChatRows;
import dev.nudge.data.Dataset;
import dev.nudge.data.PromptEncoder;
import dev.nudge.data.PromptRow;
import dev.nudge.data.TokenCache;
import dev.nudge.engine.RowScore;
import dev.nudge.machine.Machine;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.verb.DataShape;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.settings.verb.ShowRows;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Scores a data file: the log-probability that a model gives to each row's completion, or the
/// reward that a reward model gives to each row.
public final class Scoring {

  private Scoring() {}

  /// The score of all rows together.
  ///
  /// @param loss −logprob / tokens
  /// @param greedy number of rows whose every token is the likeliest
  /// @param shown rows with the model's answers, in order; null: not asked for
  /// @param confusions null: no answers asked for, or the rows expect too many different ones
  /// @param reward mean reward; null: the adapter is no reward model
  public record Summary(
      long rows,
      long badRows,
      long tokens,
      double logprob,
      double loss,
      long greedy,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable List<RowAnswers.Row> shown,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable List<Confusion> confusions,
      @JsonIgnore @Nullable Double reward) {

    /// What is written of all rows together.
    public Object written() {
      return reward == null ? this : new Rewards(rows, badRows, tokens, reward);
    }
  }

  /// The rewards of all rows together, as they are written.
  ///
  /// @param tokens all tokens
  /// @param reward their mean
  public record Rewards(long rows, long badRows, long tokens, double reward) {}

  /// Scores all rows.
  ///
  /// @param rows receives the scores in order
  /// @param warnings receives one line per warning
  public static Summary score(
      ScoreSettings settings, Machine machine, Consumer<RowScore> rows, Consumer<String> warnings) {
    return score(settings, machine, rows, note -> {}, warnings);
  }

  /// Scores all rows, with notes.
  ///
  /// @param notes receives one line per note on how rows are read
  public static Summary score(
      ScoreSettings settings,
      Machine machine,
      Consumer<RowScore> told,
      Consumer<String> notes,
      Consumer<String> warnings) {
    Path folder = settings.model().model();
    int maxLength = Session.maxLength(settings.model(), ModelConfig.load(folder));
    Tokenizer tokenizer = Session.tokenizer(folder, settings.adapter(), machine);
    ChatRows chat =
        ChatRows.of(
                folder,
                settings.adapter(),
                settings.data().shape().template(),
                settings.data().trainOn(),
                tokenizer)
            .on(Instant.now());
    AdapterPatterns patterns =
        AdapterPatterns.of(
            settings.data(), settings.adapter(), settings.model().anyBase(), notes, warnings);
    Dataset data =
        patterns.read(
            rows ->
                Dataset.whole(
                    rows,
                    settings.truncate(),
                    maxLength,
                    tokenizer,
                    chat,
                    TokenCache.in(machine.cache())));
    ChatRows.warnUnused(settings.data(), data.shapes(), warnings);
    AdapterPatterns.checkTemplate(
        settings.data().shape().template(), folder, settings.adapter(), warnings);
    AdapterPatterns.checkSpoken(
        data.shapes().spoken() > 0, settings.adapter(), settings.model().anyBase(), warnings);
    data.guesses().forEach(notes);
    if (!data.columns().unused().isEmpty()) {
      notes.accept(data.columns().toString());
    }
    if (data.cutRows().count() > 0) {
      notes.accept(data.cutRows().toString());
    }
    Path adapter = settings.adapter();
    boolean reward = adapter != null && isReward(adapter);
    if (reward && settings.show() != null) {
      throw new InputException(
          "--show is given with the reward model "
              + adapter
              + ", which answers nothing; leave it out");
    }
    Showing showing =
        settings.show() == null ? null : Showing.of(settings, data, patterns, tokenizer, maxLength);
    try (Session session =
        Session.load(
            settings.model(), reward ? null : adapter, tokenizer, null, machine, warnings)) {
      if (reward && adapter != null) {
        session.attachReward(Session.ADAPTER, adapter);
      }
      List<RowScore> all = session.score(data.examples(), settings.model().lanes(), told);
      return showing == null
          ? summary(all, data.badRows(), null, null)
          : showing.summary(session, all, data.badRows(), notes, warnings);
    }
  }

  private static boolean isReward(Path adapter) {
    try (PeftAdapter peft = PeftAdapter.open(adapter)) {
      return peft.extras().score();
    }
  }

  private static Summary summary(
      List<RowScore> all,
      int badRows,
      @Nullable List<RowAnswers.Row> shown,
      @Nullable List<Confusion> confusions) {
    long tokens = all.stream().mapToLong(RowScore::tokens).sum();
    double logprob = all.stream().mapToDouble(RowScore::logprob).sum();
    return new Summary(
        all.size(),
        badRows,
        tokens,
        logprob,
        -logprob / tokens,
        all.stream().filter(RowScore::greedy).count(),
        shown,
        confusions,
        all.stream().anyMatch(RowScore::isReward) ? (Double) (logprob / all.size()) : null);
  }

  /// Generates answers to the scored rows that [ShowRows] selects.
  ///
  /// @param chat makes prompts as `generate` makes them
  private record Showing(
      ShowRows show,
      AdapterPatterns patterns,
      ChatRows chat,
      PromptEncoder encoder,
      int maxLength) {

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
      return new Showing(
          Objects.requireNonNull(settings.show()), patterns, chat, encoder, maxLength);
    }

    Summary summary(
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
}
