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

/// A table's rows with added columns, the column [#ERROR] last. Added columns replace those of the
/// same name.
///
/// @param kept indices of the table's columns that stay
/// @param schema schema of the resulting rows
record Widened(int[] kept, StructType schema) implements Serializable {
  /// The reason why a row has no results; null: it has.
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

  /// Adds the values of the new columns to a row.
  Row row(Row row, Object[] values) {
    return row(row, values, null);
  }

  /// Adds an error to a row.
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
    return new GenericRowWithSchema(all, schema); // fields have names too
  }
}
