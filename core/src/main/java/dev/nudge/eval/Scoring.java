package dev.nudge.eval;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.nudge.data.ChatRows;
import dev.nudge.data.Dataset;
import dev.nudge.data.PromptEncoder;
import dev.nudge.data.Question;
import dev.nudge.data.TokenCache;
import dev.nudge.engine.RowScore;
import dev.nudge.generate.AdapterPatterns;
import dev.nudge.generate.RowAnswers;
import dev.nudge.generate.Session;
import dev.nudge.machine.Machine;
import dev.nudge.model.ModelConfig;
import dev.nudge.settings.Count;
import dev.nudge.settings.DataShape;
import dev.nudge.settings.InputException;
import dev.nudge.settings.ScoreSettings;
import dev.nudge.settings.ShowRows;
import dev.nudge.settings.TrainOn;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Scores rows: how likely a model finds each row's completion.
public final class Scoring {

  private Scoring() {}

  /// The score of all rows together.
  ///
  /// @param loss −logprob / tokens
  /// @param greedy rows whose every token is the likeliest
  /// @param shown rows with their answers, in order; null: none was asked for
  /// @param confusions null: no answer was asked for, or rows expect too many different ones
  public record Summary(
      long rows,
      long badRows,
      long tokens,
      double logprob,
      double loss,
      long greedy,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable List<RowAnswers.Row> shown,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable List<Confusion> confusions) {}

  /// Scores all rows.
  ///
  /// @param rows told in order
  /// @param warnings told one line each
  public static Summary score(
      ScoreSettings settings, Machine machine, Consumer<RowScore> rows, Consumer<String> warnings) {
    return score(settings, machine, rows, note -> {}, warnings);
  }

  /// The same.
  ///
  /// @param notes told one line each: how rows are read
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
    checkAsks(settings.show(), data);
    data.guesses().forEach(notes);
    if (!data.columns().unused().isEmpty()) {
      notes.accept(data.columns().toString());
    }
    if (data.cutRows().count() > 0) {
      notes.accept(data.cutRows().toString());
    }
    try (Session session =
        Session.load(settings.model(), settings.adapter(), tokenizer, machine, warnings)) {
      List<RowScore> all = session.score(data.examples(), settings.model().lanes(), told);
      if (settings.show() == null) {
        return summary(all, data.badRows(), null, null);
      }
      ChatRows asked =
          ChatRows.of(
              folder,
              settings.adapter(),
              settings.data().shape().template(),
              TrainOn.ASSISTANT,
              tokenizer);
      PromptEncoder encoder = new PromptEncoder(tokenizer, asked, false);
      List<Question> questions = patterns.read(rows -> Question.of(rows, maxLength, encoder));
      Integer turnEnd = asked.used() == null ? null : asked.turnEnd();
      Set<Integer> wanted = wanted(settings.show(), all);
      List<Question> some = questions.stream().filter(q -> wanted.contains(q.index())).toList();
      int without = wanted.size() - some.size();
      if (without > 0) {
        warnings.accept(
            "--show: %s no answer, for nothing is asked there, or --max-length leaves no room"
                .formatted(Count.of(without, "row", "has", "have")));
      }
      notes.accept("asks for " + Count.of(some.size(), "answer"));
      List<RowAnswers.Row> shown = RowAnswers.of(session, some, turnEnd);
      return summary(all, data.badRows(), shown, Confusion.of(questions, shown));
    }
  }

  private static void checkAsks(@Nullable ShowRows show, Dataset data) {
    if (show != null && data.shapes().counts().keySet().equals(Set.of(DataShape.TEXT))) {
      throw new InputException(
          "--show is given for rows of text, which ask nothing; give rows of prompt and completion or of messages, or leave it out");
    }
  }

  private static Set<Integer> wanted(ShowRows show, List<RowScore> all) {
    Set<Integer> wanted = new HashSet<>();
    for (RowScore row : all) {
      if (show == ShowRows.ALL || !row.greedy()) {
        wanted.add(row.index());
      }
    }
    return wanted;
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
        confusions);
  }
}
