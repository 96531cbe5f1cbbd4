package dev.nudge.cli.judge;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.engine.RowScore;
import dev.nudge.format.Json;
import dev.nudge.generate.Scoring;
import dev.nudge.settings.Count;
import dev.nudge.settings.verb.ScoreSettings;
import java.util.Locale;
import java.util.function.Consumer;

/// `nudge score`: computes the log-probability of each row's completion.
///
/// @param scorer runs the scoring
public record ScoreVerb(Scorer scorer) implements Verb<ScoreSettings> {

  /// The library function that this verb calls.
  public interface Scorer {
    /// Scores all rows.
    ///
    /// @param rows receives scores in order of `index`
    /// @param notes receives lines about how rows are read
    Scoring.Summary score(
        ScoreSettings settings,
        Consumer<RowScore> rows,
        Consumer<String> notes,
        Consumer<String> warnings);
  }

  @Override
  public About<ScoreSettings> about() {
    return new About<>(
        "score", "gives the log-probability of each row's completion", ScoreSettings.class);
  }

  @Override
  public int run(ScoreSettings settings, Console console) {
    Scoring.Summary all =
        scorer.score(
            settings,
            row -> {
              if (!console.json()) {
                console.result(Json.line(row.written()));
              }
            },
            console::note,
            console::warn);
    console.object(all.written());
    Double reward = all.reward();
    Consumer<String> told = console.json() ? console::note : console.messages()::println;
    if (reward != null) {
      told.accept(
          String.format(
              Locale.ROOT,
              "%s, mean reward %.4f%s",
              Count.of(all.rows(), "row"),
              reward,
              setAside(all)));
      return ExitCode.DONE;
    }
    ShownAnswers.lines(all).forEach(told);
    told.accept(
        String.format(
            Locale.ROOT,
            "%,d of %s exact (%.1f %%), %s, loss %.4f a token%s",
            all.greedy(),
            Count.of(all.rows(), "answer"),
            100.0 * all.greedy() / all.rows(),
            Count.of(all.tokens(), "token"),
            all.loss(),
            setAside(all)));
    return ExitCode.DONE;
  }

  private static String setAside(Scoring.Summary all) {
    return all.badRows() == 0 ? "" : ", " + Count.of(all.badRows(), "bad row") + " set aside";
  }
}
