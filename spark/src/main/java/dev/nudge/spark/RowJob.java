package dev.nudge.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;

import dev.nudge.format.Json;
import dev.nudge.registry.Named;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.ScoreSettings;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;

/// Adds a model's results to the rows of a table: the driver's side of [RowTask].
///
/// Columns of the table stay, except those that the verb replaces.
///
/// @param verb `generate`, `embed` or `score`
/// @param settings settings by key, with absolute paths
record RowJob(String verb, Map<String, Object> settings) {
  /// Optional column with each row's adapter.
  static final String ADAPTER = "adapter";

  private static final String JSON = "__nudge_row";
  private static final String NUMBER = "__nudge_number";

  static RowJob of(GenerateSettings settings) {
    return new RowJob(
        settings.embed() ? "embed" : "generate",
        SharedPaths.of(GenerateSettings.class, Named.in(settings)));
  }

  static RowJob of(ScoreSettings settings) {
    return new RowJob("score", SharedPaths.of(ScoreSettings.class, Named.in(settings)));
  }

  /// Returns the table of results, computed lazily.
  ///
  /// @param lines column with each row as JSON; empty: the columns are the row
  /// @param partitions number of tasks for the rows, in order; 0: the table's partitions
  /// @throws dev.nudge.settings.InputException if the settings are wrong
  Dataset<Row> on(SparkSession session, Dataset<Row> table, String lines, int partitions) {
    ExecutorModel.endWith(session.sparkContext());
    RowVerb<?> what = RowVerb.of(verb, settings);
    what.check().accept(NudgeSpark.driver(1));
    Column json =
        lines.isEmpty()
            ? to_json(struct(col("*")), Map.of("ignoreNullFields", "true"))
            : col(lines);
    Dataset<Row> asked = table.withColumn(JSON, json);
    if (what.numbered() || partitions > 0) {
      asked = numbered(session, asked);
    }
    if (partitions > 0) {
      asked = asked.repartitionByRange(partitions, col(NUMBER)).sortWithinPartitions(NUMBER);
    }
    List<String> names = Arrays.asList(asked.columns());
    Widened widened = Widened.of(table.schema(), what.columns());
    return asked.mapPartitions(
        new RowTask(
            verb,
            Json.line(settings),
            RowAdapters.of(what.registry(), what.adapter()),
            Instant.now(),
            new RowTask.Columns(names.indexOf(JSON), place(names), names.indexOf(NUMBER)),
            widened),
        Encoders.row(widened.schema()));
  }

  /// Returns the index of the column of adapters, ignoring case as Spark does; −1: none.
  ///
  /// @throws InputException if several columns match
  static int place(List<String> names) {
    int[] places =
        IntStream.range(0, names.size())
            .filter(i -> names.get(i).equalsIgnoreCase(ADAPTER))
            .toArray();
    if (places.length > 1) {
      throw new InputException(
          "the columns '%s' and '%s' both name adapters; leave one out"
              .formatted(names.get(places[0]), names.get(places[1])));
    }
    return places.length == 0 ? -1 : places[0];
  }

  /// Adds a column with each row's index, from 0.
  private static Dataset<Row> numbered(SparkSession session, Dataset<Row> table) {
    JavaRDD<Row> rows =
        table
            .toJavaRDD()
            .zipWithIndex()
            .map(
                pair -> {
                  Object[] values = new Object[pair._1().size() + 1];
                  Arrays.setAll(values, i -> i < values.length - 1 ? pair._1().get(i) : pair._2());
                  return RowFactory.create(values);
                });
    return session.createDataFrame(rows, table.schema().add(NUMBER, DataTypes.LongType));
  }
}
