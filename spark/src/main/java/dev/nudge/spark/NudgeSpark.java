package dev.nudge.spark;

import dev.nudge.collective.Collective;
import dev.nudge.eval.sweep.Sweep;
import dev.nudge.format.RunFiles;
import dev.nudge.machine.Machine;
import dev.nudge.registry.QueryFiles;
import dev.nudge.settings.train.SweepSettings;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.train.Prepared;
import dev.nudge.train.Training;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.TrainEvent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;

/// Trains on the machines of a Spark cluster by data parallelism, and generates, scores, embeds and
/// evaluates from table to table. N ranks with L lanes produce the same bytes as one process with
/// N·L lanes, unless that splits a row over lanes.
///
/// Each rank reads `--model` from a path that all machines see. Rank 0 reads the rows and writes
/// `--out`, which the driver reads too: a folder that both see.
public final class NudgeSpark {
  private NudgeSpark() {}

  /// Trains on `ranks` ranks, which must all run at the same time.
  ///
  /// @throws dev.nudge.settings.InputException in one line, for any user error
  /// @throws dev.nudge.settings.RunException if the run fails
  public static RunResult train(SparkSession session, TrainSettings settings, int ranks) {
    return train(session, settings, RankSettings.of(ranks), _ -> {}, () -> false);
  }

  /// Trains on the rows of a table or query on one rank.
  public static RunResult train(SparkSession session, TrainSettings settings, Dataset<Row> rows) {
    return train(session, settings, rows, 1);
  }

  /// Trains on the rows of a table or query, in its order. They are written once, as JSON lines
  /// beside `--out`, and a resumed run reads that file. `OUT.source.json` beside it has the
  /// versions of the tables that report versions.
  ///
  /// @param settings settings; `--data` is ignored
  /// @param rows table whose column names are the keys of rows
  public static RunResult train(
      SparkSession session, TrainSettings settings, Dataset<Row> rows, int ranks) {
    return train(
        session, onRows(settings, null, () -> rows), RankSettings.of(ranks), _ -> {}, () -> false);
  }

  /// Returns the settings with the file of the rows; writes it unless a run is resumed.
  ///
  /// @param query the user's query or table; null: unknown
  static TrainSettings onRows(
      TrainSettings settings, @Nullable String query, Supplier<Dataset<Row>> rows) {
    Path out = settings.output().out();
    QueryFiles files = QueryFiles.of(out);
    boolean goesOn = Files.exists(out.resolve(RunFiles.RUN)) && !settings.output().overwrite();
    if (!goesOn || !Files.exists(files.rows())) {
      QueryRows.write(rows.get(), query, files);
    } else {
      QueryRows.check(query, files.source(), out);
    }
    Map<String, Object> values = SharedPaths.given(settings);
    values.put("data", List.of(files.rows().toString()));
    return TrainSettings.of(values);
  }

  /// Trains, and reports the steps as events.
  ///
  /// @param events receives warnings, the plan and the steps, on this thread
  /// @param cancelled once true, the run saves and ends
  public static RunResult train(
      SparkSession session,
      TrainSettings given,
      RankSettings ranks,
      Consumer<TrainEvent> events,
      BooleanSupplier cancelled) {
    TrainSettings settings = SharedPaths.of(given);
    Machine driver = driver(ranks.ranks());
    if (Training.finished(settings, driver)) {
      return Training.run(settings, driver, _ -> {}, events, cancelled);
    }
    Slots.await(session.sparkContext(), ranks.ranks());
    Prepared prepared = Training.prepare(settings, driver, events);
    prepared.warnings().forEach(line -> events.accept(new TrainEvent.Warning(line)));
    prepared.rows().forEach(line -> events.accept(new TrainEvent.Planned(line)));
    events.accept(new TrainEvent.Started("", settings.output().out(), 0, prepared.steps(), 0));
    RunResult result = new Stage(session.sparkContext(), prepared, ranks, events, cancelled).run();
    events.accept(
        new TrainEvent.Finished(
            result.state(),
            result.steps(),
            result.trainedTokens(),
            result.seconds(),
            result.evalLossBest(),
            null));
    return result;
  }

  /// Completes the prompts of a table's rows: its column names are the keys of rows, and columns
  /// `completion`, `tokens`, `stop` (and `choice`, if `n` is above 1) are added, as `generate`
  /// writes them. The column `error` has the reason if a row cannot be completed.
  ///
  /// A column `adapter` names each row's adapter: a folder that all machines see, or a reference of
  /// the registry; null: the adapter of the settings. Added columns replace columns of the same
  /// name. The tasks of an executor share one loaded model; results are computed lazily, one task
  /// per partition.
  ///
  /// @param settings settings; `--data` is ignored, `--prompt` is a pattern over the columns
  /// @throws dev.nudge.settings.InputException in one line, if the settings are wrong
  public static Dataset<Row> generate(
      SparkSession session, GenerateSettings settings, Dataset<Row> rows) {
    return RowJob.of(settings).on(session, rows, "", 0);
  }

  /// Embeds the prompts of a table's rows like [#generate], into a column `embedding`.
  ///
  /// @param settings settings; `--data` is ignored
  public static Dataset<Row> embed(
      SparkSession session, GenerateSettings settings, Dataset<Row> rows) {
    return RowJob.of(settings.withEmbed(true)).on(session, rows, "", 0);
  }

  /// Scores the completions of a table's rows like [#generate], into `tokens`, `logprob`, `greedy`.
  ///
  /// @param settings settings; `--data` is ignored
  public static Dataset<Row> score(
      SparkSession session, ScoreSettings settings, Dataset<Row> rows) {
    return RowJob.of(settings).on(session, rows, "", 0);
  }

  /// Evaluates the adapters of a table, named by its column `adapter` (null: the adapter of the
  /// settings, or the base). Each row becomes one row per metric, with `task`, `metric`, `value`
  /// and `stderr`, as in the result files of `eval`. The column `error` has the reason if an
  /// adapter cannot be evaluated. An executor evaluates one adapter at a time.
  ///
  /// @param settings settings; `out` is ignored, all machines must see the paths of task files
  /// @throws dev.nudge.settings.InputException in one line, if the settings or tasks are wrong
  public static Dataset<Row> evaluate(
      SparkSession session, EvaluateSettings settings, Dataset<Row> adapters) {
    return EvalTask.on(settings, adapters);
  }

  /// Runs `nudge sweep` with one Spark task per group of runs: the adapters and the leaderboard are
  /// the same. Model, rows and `out` are paths that all machines see; the driver evaluates if the
  /// sweep ranks by an evaluation.
  ///
  /// @param document the values of the sweep's file
  /// @param names replaces hub names in a run's settings by paths, if there are any
  /// @param tasks parallel tasks over which runs are split; 0: as many as the cluster runs now
  /// @param cancelled once true, all runs save and end
  /// @throws dev.nudge.settings.InputException in one line, for any user error
  /// @throws dev.nudge.settings.RunException if a task fails too often
  public static Sweep.Result sweep(
      SparkSession session,
      SweepSettings settings,
      Map<String, ? extends @Nullable Object> document,
      UnaryOperator<TrainSettings> names,
      int tasks,
      Sweep.Watcher watcher,
      BooleanSupplier cancelled) {
    return Sweep.run(
        settings,
        document,
        Machine.here(ExecutorModel.cache()),
        run -> SharedPaths.of(names.apply(run)),
        watcher,
        cancelled,
        new SparkSweep(session.sparkContext(), tasks, cancelled));
  }

  /// Returns the driver as one of `ranks` machines, to check a run before it starts; memory is
  /// unlimited here, as executors check theirs.
  static Machine driver(int ranks) {
    return Machine.here(ExecutorModel.cache())
        .withMemory(Long.MAX_VALUE / 4)
        .among(Collective.planned(ranks));
  }
}
