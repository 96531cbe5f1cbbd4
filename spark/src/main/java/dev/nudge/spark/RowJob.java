package dev.nudge.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;

import dev.nudge.format.Json;
import java.time.Instant;
import java.util.ArrayList;
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
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/// A table with what a model gives for each of its rows: the driver's side of [RowTask].
///
/// The columns of the table stay, but for those whose names the verb writes.
final class RowJob {
  /// Column of each row's adapter, where the table has it.
  static final String ADAPTER = "adapter";

  private static final String JSON = "__nudge_row";
  private static final String NUMBER = "__nudge_number";

  private RowJob() {}

  /// The table of results, computed when it is used.
  ///
  /// @param verb `generate`, `embed` or `score`
  /// @param settings by key, with absolute paths
  /// @param lines name of a column that has each row as JSON; empty: the columns are the row
  /// @param partitions tasks among which the rows are shared out, in their order; 0: as they are
  /// @throws dev.nudge.settings.InputException if the settings are wrong
  static Dataset<Row> of(
      Dataset<Row> table,
      String verb,
      Map<String, Object> settings,
      String lines,
      int partitions) {
    RowVerb<?> what = RowVerb.of(verb, settings);
    what.check().accept(NudgeSpark.driver(1));
    Column json =
        lines.isEmpty()
            ? to_json(struct(col("*")), Map.of("ignoreNullFields", "true"))
            : col(lines);
    Dataset<Row> asked = table.withColumn(JSON, json);
    if (what.numbered() || partitions > 0) {
      asked = numbered(asked);
    }
    if (partitions > 0) {
      asked = asked.repartitionByRange(partitions, col(NUMBER)).sortWithinPartitions(NUMBER);
    }
    List<String> names = Arrays.asList(asked.columns());
    List<StructField> fields = new ArrayList<>();
    StructType added = what.columns().add(RowVerb.ERROR, DataTypes.StringType);
    int[] kept =
        IntStream.range(0, table.columns().length)
            .filter(i -> Arrays.stream(added.fieldNames()).noneMatch(names.get(i)::equalsIgnoreCase))
            .peek(i -> fields.add(table.schema().fields()[i]))
            .toArray();
    fields.addAll(List.of(added.fields()));
    RowTask.Columns columns =
        new RowTask.Columns(
            kept, names.indexOf(JSON), names.indexOf(ADAPTER), names.indexOf(NUMBER));
    return asked.mapPartitions(
        new RowTask(
            verb,
            Json.line(settings),
            AdapterPlaces.of(what.registry(), what.adapter()),
            Instant.now(),
            columns),
        Encoders.row(new StructType(fields.toArray(StructField[]::new))));
  }

  /// The same rows with their places from 0 in a column.
  private static Dataset<Row> numbered(Dataset<Row> table) {
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
    return table
        .sparkSession()
        .createDataFrame(rows, table.schema().add(NUMBER, DataTypes.LongType));
  }
}
