package dev.nudge.spark;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.registry.QueryFiles;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation;
import org.jspecify.annotations.Nullable;
import scala.jdk.javaapi.CollectionConverters;

/// Writes the rows of a table or query as a file of JSON lines, which a run then reads like any
/// data file.
///
/// So the order of the rows is fixed: a resumed run reads the same file, even if the query would
/// return other rows by then. Columns are keys; null values are omitted.
final class QueryRows {
  private QueryRows() {}

  /// Writes the rows in the query's order, and their source.
  ///
  /// @param query as the user gave it; null: unknown
  /// @throws InputException if there is no row
  static void write(Dataset<Row> rows, @Nullable String query, QueryFiles files) {
    Path file = files.rows();
    Path growing = file.resolveSibling(file.getFileName() + ".tmp");
    try {
      Files.createDirectories(file.getParent());
      long count = 0;
      try (BufferedWriter to = Files.newBufferedWriter(growing)) {
        Iterator<String> lines = rows.toJSON().toLocalIterator();
        for (; lines.hasNext(); count++) {
          to.write(lines.next());
          to.write('\n');
        }
      }
      if (count == 0) {
        Files.delete(growing);
        throw new InputException("the table or query has no row");
      }
      Files.move(growing, file, StandardCopyOption.ATOMIC_MOVE); // replaces an earlier run's file
      writeSource(rows, query, files.source());
    } catch (IOException e) {
      throw new RunException(file + " cannot be written: " + e.getMessage(), e);
    }
  }

  /// Writes the source of the rows: the query or table, and the versions of its tables if their
  /// connectors report them.
  ///
  /// @param query the user's SQL or table name; null: unknown
  private static void writeSource(Dataset<Row> rows, @Nullable String query, Path file) {
    Map<String, Object> source = new LinkedHashMap<>();
    if (query != null) {
      source.put("query", query);
    }
    if (rows instanceof org.apache.spark.sql.classic.Dataset<Row> classic) {
      source.put("snapshots", snapshots(classic.queryExecution().analyzed()));
    }
    OutFolder.place(file, Json.indented(source) + "\n");
  }

  /// Refuses to resume with rows of another query.
  ///
  /// @param query the user's present query; null: unknown
  static void check(@Nullable String query, Path file, Path out) {
    String earlier = Json.readOrMissing(file).path("query").asString(query);
    if (query != null && !query.equals(earlier)) {
      throw new InputException(
          "--out %s holds a run on other rows, those of '%s'; give a new folder, or --overwrite"
              .formatted(out, earlier));
    }
  }

  /// Returns the versions of the tables that a plan reads, by table name.
  static Map<String, String> snapshots(LogicalPlan plan) {
    Map<String, String> versions = new TreeMap<>();
    for (LogicalPlan part : CollectionConverters.asJava(plan.collectLeaves())) {
      if (part instanceof DataSourceV2Relation relation) {
        Table table = relation.table();
        String version = table.version();
        if (version != null) {
          versions.put(table.name(), version);
        }
      }
    }
    return versions;
  }
}
