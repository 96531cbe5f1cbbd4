package dev.nudge.data.source;

import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;

/// Reads Parquet files, and answers queries over files: what a database does. The module
/// `nudge-duckdb` has one; it is found where its jar is, by the service loader.
public interface TableReader {

  /// Opens the rows of a Parquet file, in their order.
  RowSource parquet(Path file);

  /// Opens the rows of a query.
  ///
  /// @param files in this order the table `data`
  /// @throws InputException where the query is wrong
  RowSource query(String sql, List<Path> files);

  /// Finds the reader.
  ///
  /// @param what cannot be done without it, the beginning of a message
  /// @throws InputException where there is none
  static TableReader find(String what) {
    @Nullable TableReader found;
    try {
      found = ServiceLoader.load(TableReader.class).findFirst().orElse(null);
    } catch (ServiceConfigurationError | LinkageError e) {
      throw new InputException(
          what
              + ", and the DuckDB that is installed belongs to another nudge: nudge install duckdb builds it anew",
          e);
    }
    if (found == null) {
      throw new InputException(
          what
              + ", for which nudge needs DuckDB, 80 MB that a plain install leaves out: nudge install duckdb (in Java: dev.nudge:nudge-duckdb on the class path)");
    }
    return found;
  }
}
