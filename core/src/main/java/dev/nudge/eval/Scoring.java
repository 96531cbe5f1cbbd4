package dev.nudge.eval;

import dev.nudge.data.Dataset;
import dev.nudge.data.Example;
import dev.nudge.data.TokenCache;
import dev.nudge.generate.AdapterPatterns;
import dev.nudge.generate.Session;
import dev.nudge.machine.Machine;
import dev.nudge.model.CausalLm;
import dev.nudge.model.ModelConfig;
import dev.nudge.settings.ModelSettings;
import dev.nudge.settings.ScoreSettings;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Workspace;
import dev.nudge.text.Tokenizer;
import dev.nudge.train.RowScore;
import dev.nudge.train.Scorer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// Scores rows: how likely a model finds each row's completion.
public final class Scoring {
  private static final int BUDGET = 2048; // tokens of a batch
  private static final int CHUNK = 512; // rows told together

  private Scoring() {}

  /// The score of all rows together.
  ///
  /// @param loss −logprob / tokens
  /// @param greedy rows whose every token is the likeliest
  public record Summary(
      long rows, long badRows, long tokens, double logprob, double loss, long greedy) {}

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
      Consumer<RowScore> rows,
      Consumer<String> notes,
      Consumer<String> warnings) {
    Path folder = settings.model().model();
    int maxLength = Session.maxLength(settings.model(), ModelConfig.load(folder));
    Tokenizer tokenizer = Session.tokenizer(folder, settings.adapter(), machine);
    Dataset data =
        AdapterPatterns.of(
                settings.data(), settings.adapter(), settings.model().anyBase(), notes, warnings)
            .read(
                patterns ->
                    Dataset.whole(
                        patterns,
                        settings.truncate(),
                        maxLength,
                        tokenizer,
                        null,
                        TokenCache.in(machine.cache())));
    data.guesses().forEach(notes);
    if (!data.columns().unused().isEmpty()) {
      notes.accept(data.columns().toString());
    }
    if (data.cutRows().count() > 0) {
      notes.accept(data.cutRows().toString());
    }
    try (Session session =
        Session.load(settings.model(), settings.adapter(), tokenizer, machine, warnings)) {
      data.examples().forEach(e -> session.config().checkTokens(e.ids()));
      List<RowScore> all = scores(session, settings.model(), machine, data.examples(), rows);
      return summary(all, data.badRows());
    }
  }

  /// Scores sequences, whatever they are from.
  static List<RowScore> scores(
      Session session, ModelSettings settings, Machine machine, List<Example> examples) {
    return scores(session, settings, machine, examples, row -> {});
  }

  private static List<RowScore> scores(
      Session session,
      ModelSettings settings,
      Machine machine,
      List<Example> examples,
      Consumer<RowScore> rows) {
    Integer given = settings.lanes();
    int cores = settings.threads() == null ? machine.threads() : settings.threads();
    int count = Math.min(given == null ? cores : given, examples.size());
    int threads = Math.max(1, cores / count);
    CausalLm model = session.model();
    int longest = examples.stream().mapToInt(Example::length).max().orElse(1);
    int budget = Math.max(BUDGET, longest);
    model.reserve(longest);
    long bytes = model.scoreBytes(budget, longest);
    try (Lanes lanes = new Lanes(count)) {
      List<Workspace> workspaces =
          lanes.run(lane -> new Workspace(lane, bytes, model.backend().gemms().apply(threads)));
      try {
        return scores(new Scorer(model, lanes, workspaces, budget), examples, rows);
      } finally {
        lanes.run(
            lane -> {
              workspaces.get(lane).close();
              return lane;
            });
      }
    }
  }

  private static List<RowScore> scores(
      Scorer scorer, List<Example> examples, Consumer<RowScore> rows) {
    List<RowScore> all = new ArrayList<>();
    for (int from = 0; from < examples.size(); from += CHUNK) {
      List<Example> chunk = examples.subList(from, Math.min(examples.size(), from + CHUNK));
      for (RowScore row : scorer.score(chunk)) {
        all.add(row);
        rows.accept(row);
      }
    }
    return all;
  }

  private static Summary summary(List<RowScore> all, int badRows) {
    long tokens = all.stream().mapToLong(RowScore::tokens).sum();
    double logprob = all.stream().mapToDouble(RowScore::logprob).sum();
    return new Summary(
        all.size(),
        badRows,
        tokens,
        logprob,
        -logprob / tokens,
        all.stream().filter(RowScore::greedy).count());
  }
}
