package dev.nudge.spark;

import dev.nudge.format.Json;
import dev.nudge.generate.RowStream;
import dev.nudge.generate.TableModel;
import java.io.Serializable;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.util.TaskCompletionListener;

/// A Spark task: runs the rows of a partition through the process's model.
///
/// It writes nothing: it returns rows on demand, and Spark's writer commits the output of one
/// attempt of a task.
///
/// A row without a result has the reason in the column `error`: Spark tries a task that throws four
/// times and then ends the job.
///
/// @param settings settings of the verb, as JSON
/// @param day the date for templates that print it
record RowTask(
    String verb,
    String settings,
    RowAdapters adapters,
    Instant day,
    Columns columns,
    Widened widened)
    implements MapPartitionsFunction<Row, Row> {
  private static final long serialVersionUID = 1L;

  /// The indices of special columns in a row.
  ///
  /// @param json the row as JSON
  /// @param adapter its adapter; −1: no such column
  /// @param number its index among all rows; −1: no such column
  record Columns(int json, int adapter, int number) implements Serializable {
    private static final long serialVersionUID = 1L;
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    if (!rows.hasNext()) {
      return Collections.emptyIterator(); // loads no model
    }
    return results(RowVerb.of(verb, Json.plain(Json.parse(settings))), rows);
  }

  private <T> Iterator<Row> results(RowVerb<T> verb, Iterator<Row> rows) {
    TaskContext context = TaskContext.get();
    ExecutorModel shared = ExecutorModel.of(verb.model(), verb.adapter(), verb.memory());
    ArrayDeque<Row> asked = new ArrayDeque<>();
    RowAdapters.TaskAdapters found = adapters.found();
    Iterator<TableModel.Row> given =
        new Iterator<>() {
          @Override
          public boolean hasNext() {
            return rows.hasNext();
          }

          @Override
          public TableModel.Row next() {
            Row row = rows.next();
            asked.add(row);
            return asked(row, found);
          }
        };
    RowStream<T> stream = begun(verb, shared, given, context::isInterrupted);
    context.addTaskCompletionListener(
        (TaskCompletionListener)
            _ -> {
              try (shared) {
                stream.close();
              }
            });
    return new Iterator<>() {
      private Iterator<Row> next = Collections.emptyIterator();

      @Override
      public boolean hasNext() {
        return next.hasNext() || stream.hasNext();
      }

      @Override
      public Row next() {
        while (!next.hasNext()) {
          if (context.isInterrupted()) {
            Thread.currentThread().interrupt(); // ends the wait, and the task
          }
          RowStream.Result<T> result = stream.next();
          next = rows(verb, asked.removeFirst(), result).iterator();
        }
        return next.next();
      }
    };
  }

  private <T> RowStream<T> begun(
      RowVerb<T> verb,
      ExecutorModel shared,
      Iterator<TableModel.Row> rows,
      BooleanSupplier stopped) {
    try {
      return verb.begin().begin(shared.model(), day, rows).until(stopped);
    } catch (RuntimeException | Error e) {
      shared.close();
      throw e;
    }
  }

  private TableModel.Row asked(Row row, RowAdapters.TaskAdapters found) {
    long number = columns.number < 0 ? 0 : row.getLong(columns.number);
    String json = row.isNullAt(columns.json) ? "null" : row.getString(columns.json);
    Object adapter = columns.adapter < 0 ? null : row.get(columns.adapter);
    return found.row(number, json, adapter == null ? null : adapter.toString());
  }

  private <T> List<Row> rows(RowVerb<T> verb, Row row, RowStream.Result<T> result) {
    T value = result.value();
    return value == null
        ? List.of(widened.bad(row, result.error()))
        : verb.values().apply(value).stream().map(values -> widened.row(row, values)).toList();
  }
}
