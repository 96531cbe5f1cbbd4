package dev.nudge.spark;

import dev.nudge.eval.run.Evaluation;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.generate.RowStream;
import dev.nudge.generate.Session;
import dev.nudge.generate.TableModel;
import dev.nudge.machine.Machine;
import dev.nudge.registry.Named;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.EvaluateSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.TaskCompletionListener;
import org.jspecify.annotations.Nullable;

/// A Spark task that evaluates the adapters of a partition, all on the same benchmark tasks. The
/// base that they are compared with is evaluated once per Spark task.
///
/// Threading: one evaluation at a time per process; it uses all threads and one model.
///
/// @param settings settings as JSON
/// @param adapter index of the column of adapters; −1: none
record EvalTask(String settings, RowAdapters adapters, int adapter, Widened widened)
    implements MapPartitionsFunction<Row, Row> {
  private static final long serialVersionUID = 1L;

  /// The added columns; each metric is a row, named as in the harness's result files.
  static final StructType COLUMNS =
      new StructType()
          .add("task", DataTypes.StringType)
          .add("metric", DataTypes.StringType)
          .add("value", DataTypes.DoubleType)
          .add("stderr", DataTypes.DoubleType);

  static final ReentrantLock ONE = new ReentrantLock();
  private static final int WAIT = 500; // ms

  /// Returns the table of adapters with their metrics, evaluated lazily; runs on the driver.
  ///
  /// @throws InputException if the settings are wrong
  static Dataset<Row> on(EvaluateSettings settings, Dataset<Row> table) {
    refuse("--compare", settings.compare());
    refuse("--policy", settings.policy());
    refuse("--judge", settings.judging().any() ? settings.judging() : null);
    refuse("--train-data", settings.trainData().isEmpty() ? null : settings.trainData());
    EvaluateSettings named = Named.in(settings);
    Machine driver = NudgeSpark.driver(1);
    Session.tokenizer(named.model().model(), named.adapter(), driver); // throws if it fails
    Evaluation.metrics(named, driver, new Evaluation.Watcher() {});
    Map<String, Object> values = SharedPaths.of(EvaluateSettings.class, named);
    Widened widened = Widened.of(table.schema(), COLUMNS);
    return table.mapPartitions(
        new EvalTask(
            Json.line(values),
            RowAdapters.of(named.registry(), named.adapter()),
            RowJob.place(Arrays.asList(table.columns())),
            widened),
        Encoders.row(widened.schema()));
  }

  private static void refuse(String flag, @Nullable Object given) {
    if (given != null) {
      throw new InputException(
          flag + " is given for a table of adapters, whose metrics are columns; leave it out");
    }
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) throws IOException {
    Path out = Files.createTempDirectory("nudge-eval"); // answers that adapters share
    TaskContext.get().addTaskCompletionListener((TaskCompletionListener) _ -> delete(out));
    RowAdapters.TaskAdapters found = adapters.found();
    return new Iterator<>() {
      private Iterator<Row> next = Collections.emptyIterator();

      @Override
      public boolean hasNext() {
        while (!next.hasNext() && rows.hasNext()) {
          next = results(rows.next(), found, out).iterator();
        }
        return next.hasNext();
      }

      @Override
      public Row next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        return next.next();
      }
    };
  }

  private static void delete(Path folder) {
    try {
      OutFolder.delete(folder);
    } catch (IOException e) {
      throw OutFolder.failure(folder, e);
    }
  }

  private List<Row> results(Row row, RowAdapters.TaskAdapters found, Path out) {
    refuseKilled();
    Object named = adapter < 0 ? null : row.get(adapter);
    TableModel.Row asked = found.row(0, "", named == null ? null : named.toString());
    if (asked.problem() != null) {
      return List.of(widened.bad(row, asked.problem()));
    }
    try {
      return numbers(evaluated(asked.adapter(), out)).stream()
          .map(values -> widened.row(row, values))
          .toList();
    } catch (InputException e) {
      return List.of(widened.bad(row, RowStream.error(e)));
    }
  }

  private ModelResults evaluated(@Nullable Path folder, Path out) {
    Map<String, @Nullable Object> values = new HashMap<>(Json.plain(Json.parse(settings)));
    values.put("out", out.toString());
    values.put("adapter", folder == null ? null : folder.toString());
    try {
      while (!ONE.tryLock(WAIT, TimeUnit.MILLISECONDS)) {
        refuseKilled();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RunException("interrupted while another task evaluated", e);
    }
    try {
      ExecutorModel.closeIdle(); // the evaluation loads its own model
      return Evaluation.of(
              EvaluateSettings.of(values), ExecutorModel.machine(), new Evaluation.Watcher() {})
          .main();
    } finally {
      ONE.unlock();
    }
  }

  /// Throws if Spark has killed the task, as Spark may not interrupt its thread.
  private static void refuseKilled() {
    if (TaskContext.get().isInterrupted()) {
      throw new RunException("the task was killed");
    }
  }

  private static List<Object[]> numbers(ModelResults model) {
    List<Object[]> all = new ArrayList<>();
    model
        .tasks()
        .forEach(
            (task, scores) ->
                scores
                    .scores()
                    .forEach((key, score) -> add(all, task, key, score.value(), score.stderr())));
    model
        .groups()
        .forEach(
            (group, scores) ->
                scores
                    .scores()
                    .forEach((key, score) -> add(all, group, key, score.value(), score.stderr())));
    return all;
  }

  private static void add(
      List<Object[]> all, String task, String metric, double value, double stderr) {
    all.add(new Object[] {task, metric, Json.finite(value), Json.finite(stderr)});
  }
}
