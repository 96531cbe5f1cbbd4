package dev.nudge.spark;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.nio.file.Path;
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

/// Where rows came from: the query or table, and the versions of its tables where their connectors
/// report some. It is written with the rows and belongs to them.
final class RowSource {
  private RowSource() {}

  /// Writes the source of rows into a file.
  ///
  /// @param query as the user gave it, SQL or the name of a table; null: unknown
  static void write(Dataset<Row> rows, @Nullable String query, Path file) {
    Map<String, Object> source = new LinkedHashMap<>();
    if (query != null) {
      source.put("query", query);
    }
    if (rows instanceof org.apache.spark.sql.classic.Dataset<Row> classic) {
      source.put("snapshots", snapshots(classic.queryExecution().analyzed()));
    }
    OutFolder.place(file, Json.indented(source) + "\n");
  }

  /// Refuses to go on with rows of another query.
  ///
  /// @param query as the user gives it now; null: unknown
  static void check(@Nullable String query, Path file, Path out) {
    String there = Json.readOrMissing(file).path("query").asString(query);
    if (query != null && !query.equals(there)) {
      throw new InputException(
          "--out %s holds a run on other rows, those of '%s'; give a new folder, or --overwrite"
              .formatted(out, there));
    }
  }

  /// The versions of the tables that a plan reads, by their names.
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
