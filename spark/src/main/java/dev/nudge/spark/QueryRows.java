package dev.nudge.spark;

import dev.nudge.registry.QueryFiles;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Iterator;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;

/// Writes the rows of a table or query as a file of JSON lines, which a run then reads as any
/// other.
///
/// So the order of the rows is settled once: a run that goes on reads the same file, whatever the
/// query would give by then. Columns are keys; those that are null are left out.
final class QueryRows {
  private QueryRows() {}

  /// Writes the rows in the order that the query gives them, and their source.
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
      Files.move(growing, file, StandardCopyOption.ATOMIC_MOVE); // over an earlier run's
      RowSource.write(rows, query, files.source());
    } catch (IOException e) {
      throw new RunException(file + " cannot be written: " + e.getMessage(), e);
    }
  }
}
