package dev.nudge.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.get_json_object;
import static org.apache.spark.sql.functions.trim;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/// The flags for a command's input rows and for the table of results.
///
/// @param table input table in the session's catalog; null: none
/// @param query SQL query for the input; null: none
/// @param out folder of the results; null: `into`
/// @param into table of the results in the catalog; null: `out`
/// @param format format of `out`, by Spark's name
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

  /// The flags of `eval`, which has no `--data` otherwise.
  static final List<String> OF_EVAL = Stream.concat(NAMES.stream(), Stream.of("--data")).toList();

  private static final Pattern ENDING =
      Pattern.compile(
          "(?:\\.(jsonl|ndjson|csv|tsv|json|txt|ya?ml|xml|xlsx|arrow|avro|orc))?"
              + "(?:\\.(gz|bz2|zstd?|xz|zip|lz4|snappy|deflate))?$");
  private static final List<String> READ = List.of("jsonl", "ndjson", "csv", "tsv");
  private static final List<String> UNPACKED = List.of("gz", "bz2"); // by every Spark

  /// Column with the unparsed lines of a file.
  static final String LINE = "row";

  TableFlags {
    if ((out == null) == (into == null)) {
      throw new InputException(
          out == null
              ? "--out and --into are both missing; give a folder or a table for the results"
              : "--out and --into are both given; give one");
    }
  }

  static TableFlags of(OwnFlags flags) {
    String format = flags.text("--format");
    if (format != null && flags.has("--into")) {
      throw new InputException("--format is given with --into; it is of --out only, leave it out");
    }
    ofTable(flags);
    return new TableFlags(
        flags.text("--table"),
        flags.text("--query"),
        flags.text("--out"),
        flags.text("--into"),
        format == null ? "parquet" : format,
        flags.count("--partitions"));
  }

  /// Whether rows come from a table or a query, not from files.
  static boolean ofTable(OwnFlags flags) {
    if (flags.has("--table") && flags.has("--query")) {
      throw new InputException("--table and --query are both given; give one");
    }
    boolean table = flags.has("--table") || flags.has("--query");
    if (table && (flags.has("--data") || flags.passes("--data"))) {
      throw new InputException(
          "--data is given with %s; give one"
              .formatted(flags.has("--table") ? "--table" : "--query"));
    }
    return table;
  }

  /// The input rows.
  ///
  /// @param lines column with each row as JSON; empty: the columns are the row
  record Input(Dataset<Row> rows, String lines) {}

  /// Reads the rows.
  ///
  /// @param files input files, if neither a table nor a query is given
  Input read(SparkSession session, List<String> files) {
    if (table != null) {
      return new Input(session.table(table), "");
    }
    if (query != null) {
      return new Input(session.sql(query), "");
    }
    String[] paths = files.toArray(String[]::new);
    for (String file : files) {
      if (!is(session, "--data", file, TableFlags::matches)) {
        throw new InputException("--data " + file + " does not exist");
      }
    }
    return switch (kind(files)) {
      case "jsonl" -> lines(session.read().text(paths));
      case "csv" -> new Input(csv(session, ",").csv(paths), "");
      case "tsv" -> new Input(csv(session, "\t").csv(paths), "");
      default -> new Input(session.read().parquet(paths), "");
    };
  }

  private static Input lines(Dataset<Row> text) {
    Dataset<Row> rows = text.withColumnRenamed("value", LINE).filter(trim(col(LINE)).notEqual(""));
    return new Input(
        rows.withColumn(RowJob.ADAPTER, get_json_object(col(LINE), "$." + RowJob.ADAPTER)), LINE);
  }

  private static DataFrameReader csv(SparkSession session, String separator) {
    return session.read().option("header", true).option("multiLine", true).option("sep", separator);
  }

  /// Returns the common ending of the files, without a codec's; any unknown ending means Parquet.
  private static String kind(List<String> files) {
    List<String> kinds = files.stream().map(TableFlags::ending).distinct().toList();
    if (kinds.size() > 1) {
      throw new InputException(
          "--data is given files of several kinds (%s); give files of one"
              .formatted(String.join(", ", kinds)));
    }
    return kinds.getFirst();
  }

  private static String ending(String file) {
    Matcher ending = ENDING.matcher(file.toLowerCase(Locale.ROOT));
    if (!ending.find() || ending.group().isEmpty()) {
      return "parquet";
    }
    String kind = ending.group(1);
    String codec = ending.group(2);
    if (kind == null || !READ.contains(kind) || codec != null && !UNPACKED.contains(codec)) {
      throw new InputException(
          "--data %s: on Spark files are .jsonl, .ndjson, .csv or .tsv (each also .gz or .bz2), or Parquet"
              .formatted(file));
    }
    return kind.replace("ndjson", "jsonl");
  }

  /// Returns the number of tasks for the rows.
  int tasks(SparkSession session, Dataset<Row> rows) {
    if (partitions > 0) {
      return partitions;
    }
    int wanted = session.sparkContext().defaultParallelism();
    return rows.rdd().getNumPartitions() < wanted ? wanted : 0;
  }

  /// Refuses an output that exists.
  void check(SparkSession session) {
    if (into != null && session.catalog().tableExists(into)) {
      throw new InputException("--into " + into + " exists; give another table");
    }
    if (out != null && is(session, "--out", out, FileSystem::exists)) {
      throw new InputException("--out " + out + " exists; give another folder");
    }
  }

  private interface PathTest {
    boolean at(FileSystem system, Path path) throws IOException;
  }

  private static boolean matches(FileSystem system, Path path) throws IOException {
    FileStatus[] found = system.globStatus(path);
    return found != null && found.length > 0;
  }

  private static boolean is(SparkSession session, String flag, String place, PathTest look) {
    try {
      Path path = new Path(place);
      FileSystem system = path.getFileSystem(session.sparkContext().hadoopConfiguration());
      return look.at(system, path);
    } catch (IOException e) {
      throw new InputException(flag + " " + place + " cannot be read: " + e.getMessage(), e);
    }
  }

  /// Writes the results; those of a repeated task only once.
  ///
  /// @return the written table
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
      default -> reader.load(out); // the format stores its schema and may refuse another
    };
  }

  /// Describes the output for messages.
  String place() {
    return into == null ? String.valueOf(out) : "table " + into;
  }
}
