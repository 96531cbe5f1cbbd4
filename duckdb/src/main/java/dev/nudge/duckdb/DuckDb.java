package dev.nudge.duckdb;

import dev.nudge.data.source.RowSource;
import dev.nudge.data.source.TableReader;
import dev.nudge.data.source.Unreadable;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Properties;

/// Reads tables through an in-memory DuckDB, each row as a JSON object.
///
/// A single thread computes results, so rows keep the file's order, and a query gives equal rows
/// in equal order each time. Results are streamed; a query that sorts or joins gets 512 MiB and
/// spills to the temporary folder beyond that.
public final class DuckDb implements TableReader {
  private static final String MEMORY = "512MiB";

  @Override
  public RowSource parquet(Path file) {
    return rows(file.toString(), "SELECT * FROM read_parquet(" + name(file) + ")", List.of());
  }

  @Override
  public RowSource query(String sql, List<Path> files) {
    String query = sql.strip();
    while (query.endsWith(";")) {
      query = query.substring(0, query.length() - 1).strip();
    }
    return rows("--sql", query, List.of("CREATE TEMP VIEW data AS SELECT * FROM " + table(files)));
  }

  /// Returns the table function that reads files of one format.
  private static String table(List<Path> files) {
    List<String> names = new ArrayList<>();
    String function = "";
    for (Path file : files) {
      String own = function(file);
      if (!function.isEmpty() && !own.equals(function)) {
        throw new InputException(
            "--sql: the files of --data have several formats, %s and %s; give files of one, and read the others in the query, as %s('%s')"
                .formatted(files.getFirst(), file, own, file));
      }
      function = own;
      names.add(name(file));
    }
    String list = "[" + String.join(", ", names) + "]";
    return function
        + "("
        + list
        + switch (function) {
          case "read_parquet" -> ")";
          case "read_csv" -> ", union_by_name=true, all_varchar=true)"; // as CSV rows have texts
          default -> ", union_by_name=true)";
        };
  }

  /// Quotes a file's name as a literal and escapes DuckDB's glob characters.
  private static String name(Path file) {
    return "'" + file.toString().replaceAll("[\\[*?]", "[$0]").replace("'", "''") + "'";
  }

  private static String function(Path file) {
    String name = file.toString().toLowerCase(Locale.ROOT).replaceFirst("\\.gz$", "");
    if (name.endsWith(".csv") || name.endsWith(".tsv")) {
      return "read_csv";
    }
    return name.endsWith(".parquet") ? "read_parquet" : "read_json_auto";
  }

  private static RowSource rows(String what, String query, List<String> before) {
    Connection connection = null;
    try {
      connection = open();
      try (Statement statement = connection.createStatement()) {
        for (String sql : before) {
          statement.execute(sql);
        }
      }
      // parses only the query, so that only a single SELECT is accepted
      PreparedStatement statement =
          connection.prepareStatement(
              "SELECT to_json(\"nudge row\")::VARCHAR FROM (" + query + "\n) AS \"nudge row\"");
      ResultSet result = statement.executeQuery();
      return new QueryRows(connection, statement, result);
    } catch (SQLException e) {
      close(connection);
      throw new InputException(what + " cannot be read: " + reason(e), e);
    } catch (UnsatisfiedLinkError e) {
      close(connection);
      throw new InputException(
          "DuckDB has no library for this system, " + System.getProperty("os.name", ""), e);
    }
  }

  private static Connection open() throws SQLException {
    Properties settings = new Properties();
    settings.setProperty("jdbc_stream_results", "true");
    settings.setProperty("threads", "1");
    settings.setProperty("memory_limit", MEMORY);
    settings.setProperty("autoinstall_known_extensions", "false");
    settings.setProperty("autoload_known_extensions", "false");
    return new org.duckdb.DuckDBDriver().connect("jdbc:duckdb:", settings);
  }

  /// Returns the first line of a database error; the rest repeats the query.
  static String reason(SQLException e) {
    String said = String.valueOf(e.getMessage());
    return said.lines().filter(line -> !line.isBlank()).findFirst().orElse("it gives no reason");
  }

  private static void close(@org.jspecify.annotations.Nullable Connection connection) {
    try {
      if (connection != null) {
        connection.close();
      }
    } catch (SQLException e) {
      throw Unreadable.of("DuckDB", new IOException(reason(e), e));
    }
  }
}
