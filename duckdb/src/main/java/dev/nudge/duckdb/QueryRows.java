package dev.nudge.duckdb;

import dev.nudge.data.source.RowSource;
import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.jspecify.annotations.Nullable;

/// The rows of a query result, numbered from 1.
final class QueryRows implements RowSource {
  private final Connection connection;
  private final Statement statement;
  private final ResultSet result;
  private int number;

  QueryRows(Connection connection, Statement statement, ResultSet result) {
    this.connection = connection;
    this.statement = statement;
    this.result = result;
  }

  @Override
  public @Nullable Piece next() throws IOException {
    try {
      if (!result.next()) {
        return null;
      }
      number++;
      return new Piece(number, WithoutNulls.of(result.getString(1)), null);
    } catch (SQLException e) {
      throw new IOException(DuckDb.reason(e), e);
    }
  }

  @Override
  public void close() throws IOException {
    try {
      result.close();
      statement.close();
      connection.close();
    } catch (SQLException e) {
      throw new IOException(DuckDb.reason(e), e);
    }
  }
}
