package dev.nudge.data.rows;

import dev.nudge.data.source.Pick;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.DataSettings;
import java.util.HashMap;
import java.util.Map;

/// The columns of rows as plain values, for what looks at more than tokens.
public final class RowColumns {
  private static final int AT_ONCE = 512; // rows

  private RowColumns() {}

  /// Reads all good rows.
  ///
  /// @return their columns, by the index of the row
  public static Map<Integer, Map<String, Object>> read(DataSettings data, Pick pick) {
    Map<Integer, Map<String, Object>> rows = new HashMap<>();
    try (RowReader reader = RowReader.open(data, pick)) {
      for (var lines = reader.next(AT_ONCE); !lines.isEmpty(); lines = reader.next(AT_ONCE)) {
        for (SourceLine line : lines) {
          try {
            rows.put(line.index(), Row.parse(line).values());
          } catch (BadRowException e) {
            continue; // it was set aside, and told
          }
        }
      }
    }
    return rows;
  }

  /// Fills a pattern.
  ///
  /// @throws InputException if a column is missing
  public static String render(Map<String, Object> row, RowPattern pattern) {
    return pattern.render(
        name -> {
          Object value = row.get(name);
          if (value == null) {
            throw new InputException(
                "no column '%s'; the columns are %s"
                    .formatted(name, String.join(", ", row.keySet())));
          }
          return value.toString();
        });
  }
}
