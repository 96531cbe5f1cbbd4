package dev.nudge.spark;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.train.Training;
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

/// Where the rows of a run came from, as [Training#SOURCE] in its folder: the query or table, and the
/// snapshots of tables that have some. The registry keeps it in the lineage.
final class RowSource {
  private RowSource() {}

  /// Writes the source of a run's rows into its folder.
  ///
  /// @param query as the user gave it, SQL or the name of a table; null: the plan of the rows
  static void write(Dataset<Row> rows, @Nullable String query, Path out) {
    LogicalPlan plan =
        ((org.apache.spark.sql.classic.Dataset<Row>) rows).queryExecution().analyzed();
    Map<String, Object> source = new LinkedHashMap<>();
    source.put("query", query == null ? plan.toString() : query);
    Map<String, String> snapshots = snapshots(plan);
    if (!snapshots.isEmpty()) {
      source.put("snapshots", snapshots);
    }
    OutFolder.place(out.resolve(Training.SOURCE), Json.indented(source) + "\n");
  }

  /// The versions of the tables that a plan reads, by their names; tables without versions are left
  /// out.
  static Map<String, String> snapshots(LogicalPlan plan) {
    Map<String, String> versions = new TreeMap<>();
    for (LogicalPlan leaf : CollectionConverters.asJava(plan.collectLeaves())) {
      if (leaf instanceof DataSourceV2Relation relation) {
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
