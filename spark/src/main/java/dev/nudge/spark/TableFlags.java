package dev.nudge.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.get_json_object;
import static org.apache.spark.sql.functions.trim;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/// Where a command's rows come from, and where the table of results goes.
///
/// @param table in the catalog of the session; null: none
/// @param query SQL; null: none
/// @param out folder of the results; null: `into`
/// @param into table of the results in the catalog; null: `out`
/// @param format of `out`, by Spark's name
/// @param partitions number of tasks; 0: as many as the cluster runs at once, or more if the table
/// has more
record TableFlags(
    @Nullable String table,
    @Nullable String query,
    @Nullable String out,
    @Nullable String into,
    String format,
    int partitions) {
  static final List<String> NAMES =
      List.of("--table", "--query", "--out", "--into", "--format", "--partitions");

  /// Those of `eval`, which has no rows of its own.
  static final List<String> OF_EVAL = Stream.concat(NAMES.stream(), Stream.of("--data")).toList();

  /// Column of rows that are lines of a file, as they stand there.
  static final String LINE = "row";

  TableFlags {
    if (table != null && query != null) {
      throw new InputException("--table and --query are both given; give one");
    }
    if ((out == null) == (into == null)) {
      throw new InputException(
          out == null
              ? "--out and --into are both missing; give a folder or a table for the results"
              : "--out and --into are both given; give one");
    }
    if (partitions < 0) {
      throw new InputException("--partitions is " + partitions + "; it must be at least 1");
    }
  }

  static TableFlags of(OwnFlags flags) {
    String format = flags.text("--format");
    if (format != null && flags.has("--into")) {
      throw new InputException("--format is given with --into; it is of --out only, leave it out");
    }
    if (flags.has("--table") || flags.has("--query")) {
      boolean data =
          flags.has("--data")
              || flags.rest().stream().anyMatch(one -> one.matches("(?s)--data(=.*)?"));
      if (data) {
        throw new InputException(
            "--data is given with %s; give one"
                .formatted(flags.has("--table") ? "--table" : "--query"));
      }
    }
    return new TableFlags(
        flags.text("--table"),
        flags.text("--query"),
        flags.text("--out"),
        flags.text("--into"),
        format == null ? "parquet" : format,
        flags.number("--partitions", 0));
  }

  /// Rows to work on.
  ///
  /// @param lines column that has each row as JSON; empty: the columns are the row
  record Input(Dataset<Row> rows, String lines) {}

  /// Reads the rows.
  ///
  /// @param files where neither a table nor a query is given
  Input read(SparkSession session, List<String> files) {
    if (table != null) {
      return new Input(session.table(table), "");
    }
    if (query != null) {
      return new Input(session.sql(query), "");
    }
    String[] paths = files.toArray(String[]::new);
    if (all(files, ".jsonl", ".ndjson")) {
      Dataset<Row> rows =
          session
              .read()
              .text(paths)
              .withColumnRenamed("value", LINE)
              .filter(trim(col(LINE)).notEqual(""));
      return new Input(
          rows.withColumn(RowJob.ADAPTER, get_json_object(col(LINE), "$." + RowJob.ADAPTER)), LINE);
    }
    return new Input(
        all(files, ".csv")
            ? session.read().option("header", true).option("multiLine", true).csv(paths)
            : session.read().parquet(paths),
        "");
  }

  private static boolean all(List<String> files, String... endings) {
    return files.stream()
        .map(file -> file.toLowerCase(Locale.ROOT).replaceFirst("\\.gz$", ""))
        .allMatch(file -> List.of(endings).stream().anyMatch(file::endsWith));
  }

  /// Tasks for the rows.
  int tasks(SparkSession session, Dataset<Row> rows) {
    if (partitions > 0) {
      return partitions;
    }
    int wanted = session.sparkContext().defaultParallelism();
    return rows.rdd().getNumPartitions() < wanted ? wanted : 0;
  }

  /// Refuses an output that is there.
  void check(SparkSession session) {
    try {
      if (into != null && session.catalog().tableExists(into)) {
        throw new InputException("--into " + into + " exists; give another table");
      }
      if (out != null) {
        Path path = new Path(out);
        if (path.getFileSystem(session.sparkContext().hadoopConfiguration()).exists(path)) {
          throw new InputException("--out " + out + " exists; give another folder");
        }
      }
    } catch (IOException e) {
      throw new InputException("--out " + out + " cannot be read: " + e.getMessage(), e);
    }
  }

  /// Writes the results; each task's once, whatever its attempts.
  ///
  /// @return what was written, to be read
  Dataset<Row> write(SparkSession session, Dataset<Row> results) {
    StructType schema = results.schema();
    if (into != null) {
      results.write().saveAsTable(into);
      return session.table(into);
    }
    results.write().format(format).save(out);
    DataFrameReader reader = session.read().format(format);
    return switch (format.toLowerCase(Locale.ROOT)) {
      case "csv" -> reader.schema(schema).option("multiLine", true).load(out);
      case "json" -> reader.schema(schema).load(out);
      default -> reader.load(out); // knows its columns, and may refuse others
    };
  }

  /// Names the output.
  String place() {
    return into == null ? String.valueOf(out) : "table " + into;
  }
}
