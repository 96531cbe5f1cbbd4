package dev.nudge.data.source;

import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;

/// Reads Parquet files and runs SQL over data files, as a service. The module `nudge-duckdb`
/// implements it; the service loader finds it in its jar.
public interface TableReader {

  /// Opens the rows of a Parquet file, in order.
  RowSource parquet(Path file);

  /// Opens the rows of a query's result.
  ///
  /// @param files the table `data`, in this order
  /// @throws InputException if the query is wrong
  RowSource query(String sql, List<Path> files);

  /// Finds the implementation.
  ///
  /// @param what beginning of the message: what needs it
  /// @throws InputException if there is none
  static TableReader find(String what) {
    @Nullable TableReader found = ServiceLoader.load(TableReader.class).findFirst().orElse(null);
    if (found == null) {
      throw new InputException(
          what
              + ", for which nudge needs DuckDB, 80 MB that a plain install leaves out: nudge install duckdb (in Java: dev.nudge:nudge-duckdb on the class path)");
    }
    return found;
  }
}
