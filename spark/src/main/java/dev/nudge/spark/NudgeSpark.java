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

/// Trains on the machines of a Spark cluster by data parallelism, and answers, scores, embeds and
/// evaluates a table into a table. N ranks with L lanes give the bytes of one process with N·L
/// lanes, where that cuts no row over its lanes.
///
/// Each rank reads `--model` from a path that all machines see. Rank 0 reads the rows and writes
/// `--out`, which the driver reads too: a folder that both see.
public final class NudgeSpark {
  private NudgeSpark() {}

  /// Trains on so many ranks, which must find a place at once.
  ///
  /// @throws dev.nudge.settings.InputException in one line, for whatever a user can fix
  /// @throws dev.nudge.settings.RunException if the run fails
  public static RunResult train(SparkSession session, TrainSettings settings, int ranks) {
    return train(session, settings, RankSettings.of(ranks), _ -> {}, () -> false);
  }

  /// Trains on the rows of a table or query on one rank.
  public static RunResult train(SparkSession session, TrainSettings settings, Dataset<Row> rows) {
    return train(session, settings, rows, 1);
  }

  /// Trains on the rows of a table or query, in the order that it gives them. They are written
  /// once, as JSON lines beside `--out`: a run that goes on reads that file. `OUT.source.json`
  /// beside it has the versions of the tables that report some.
  ///
  /// @param settings whose data is ignored
  /// @param rows whose columns are the keys of rows
  public static RunResult train(
      SparkSession session, TrainSettings settings, Dataset<Row> rows, int ranks) {
    return train(
        session, onRows(settings, null, () -> rows), RankSettings.of(ranks), _ -> {}, () -> false);
  }

  /// The settings with the file of the rows, which are asked for and written unless a run goes on.
  ///
  /// @param query as the user gave it; null: unknown
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

  /// Trains, and reports the steps.
  ///
  /// @param events receives warnings, the plan and the steps, on this thread
  /// @param cancelled once true, the run is saved as it is and ends
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

  /// Completes the prompts of a table's rows: its columns are the keys of rows, and `completion`,
  /// `tokens`, `stop` (and `choice`, where `n` is above 1) stand beside them, as `generate` writes
  /// them. A row that cannot be completed has the reason in the column `error`.
  ///
  /// A column `adapter` names each row's adapter: a folder that all machines see, or a reference of
  /// the registry; null: that of the settings. Columns that are written replace those of the same
  /// name. The tasks of an executor share one loaded model; results are computed when the table is
  /// used, a task a partition.
  ///
  /// @param settings whose data is ignored; its `--prompt` is a pattern over the columns
  /// @throws dev.nudge.settings.InputException in one line, if the settings are wrong
  public static Dataset<Row> generate(
      SparkSession session, GenerateSettings settings, Dataset<Row> rows) {
    return RowJob.of(settings).on(session, rows, "", 0);
  }

  /// Embeds the prompts of a table's rows, likewise: the column `embedding` is added.
  ///
  /// @param settings whose data is ignored
  public static Dataset<Row> embed(
      SparkSession session, GenerateSettings settings, Dataset<Row> rows) {
    return RowJob.of(settings.withEmbed(true)).on(session, rows, "", 0);
  }

  /// Scores the completions of a table's rows, likewise: `tokens`, `logprob` and `greedy` are
  /// added.
  ///
  /// @param settings whose data is ignored
  public static Dataset<Row> score(
      SparkSession session, ScoreSettings settings, Dataset<Row> rows) {
    return RowJob.of(settings).on(session, rows, "", 0);
  }

  /// Evaluates the adapters of a table, named by its column `adapter` (null: that of the settings,
  /// or the base): for each row as many rows as there are metrics, with `task`, `metric`, `value`
  /// and `stderr`, as in the result files of `eval`. An adapter that cannot be evaluated has the
  /// reason
  /// in the column `error`. An executor evaluates one adapter at a time.
  ///
  /// @param settings whose `out` is ignored; task files are at paths that all machines see
  /// @throws dev.nudge.settings.InputException in one line, if the settings or tasks are wrong
  public static Dataset<Row> evaluate(
      SparkSession session, EvaluateSettings settings, Dataset<Row> adapters) {
    return EvalTask.on(settings, adapters);
  }

  /// Tries many settings of one base, as `nudge sweep` does, a group a task: to the same adapters
  /// and leaderboard. Model, rows and `out` are paths that all machines see; an evaluation by
  /// which a sweep ranks is made by the driver.
  ///
  /// @param document the values of the sweep's file
  /// @param names makes paths of names in a run's settings, or returns them as they are
  /// @param tasks at once, over which groups are cut; 0: as many as the cluster runs now
  /// @param cancelled once true, all runs are stopped as they are
  /// @throws dev.nudge.settings.InputException in one line, for whatever a user can fix
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

  /// The driver as one of so many machines on which a run is checked before it starts: memory is a
  /// question to the executors.
  static Machine driver(int ranks) {
    return Machine.here(ExecutorModel.cache())
        .withMemory(Long.MAX_VALUE / 4)
        .among(Collective.planned(ranks));
  }
}
