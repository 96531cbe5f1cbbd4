package dev.nudge.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.expressions.GenericRowWithSchema;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/// A table's rows with columns behind them, and the column [#ERROR] last. Added columns replace
/// those of the same name.
///
/// @param kept places of the table's columns that stay
/// @param schema of the rows that are made
record Widened(int[] kept, StructType schema) implements Serializable {
  /// Why a row has nothing in the other columns that were added; null: it has.
  static final String ERROR = "error";

  private static final long serialVersionUID = 1L;

  static Widened of(StructType table, StructType added) {
    StructType columns = added.add(ERROR, DataTypes.StringType);
    List<StructField> fields = new ArrayList<>();
    int[] kept =
        IntStream.range(0, table.size())
            .filter(
                i ->
                    Arrays.stream(columns.fieldNames())
                        .noneMatch(table.fieldNames()[i]::equalsIgnoreCase))
            .peek(i -> fields.add(table.fields()[i]))
            .toArray();
    fields.addAll(List.of(columns.fields()));
    return new Widened(kept, new StructType(fields.toArray(StructField[]::new)));
  }

  /// A row with the values of the added columns.
  Row row(Row row, Object[] values) {
    return row(row, values, null);
  }

  /// A row that has an error.
  Row bad(Row row, @Nullable String error) {
    return row(row, new Object[0], error);
  }

  private Row row(Row row, Object[] values, @Nullable String error) {
    @Nullable Object[] all = new @Nullable Object[schema.size()];
    for (int i = 0; i < kept.length; i++) {
      all[i] = row.get(kept[i]);
    }
    System.arraycopy(values, 0, all, kept.length, values.length);
    all[all.length - 1] = error;
    return new GenericRowWithSchema(all, schema); // who works on it next may ask by names
  }
}
