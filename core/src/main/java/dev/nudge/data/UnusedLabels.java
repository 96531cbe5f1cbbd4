package dev.nudge.data;

import dev.nudge.data.rows.BadRowException;
import dev.nudge.data.rows.Row;
import dev.nudge.data.rows.RowReader;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.data.rows.UsedColumns;
import dev.nudge.data.source.Pick;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.DataShape;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/// Finds unused columns that look like labels, short repeated values, in rows taken for plain text.
public final class UnusedLabels {
  private static final int LOOKED_AT = 200; // rows
  private static final int LONGEST = 40; // characters of a label

  private UnusedLabels() {}

  /// Warns of such columns if the shape was guessed; the author of a query has chosen the columns.
  public static void warn(DataSettings data, Dataset rows, Consumer<String> warnings) {
    UsedColumns columns = rows.columns();
    boolean guessed =
        data.shape().shape() == null
            && data.shape().sql() == null
            && rows.shapes().counts().keySet().equals(Set.of(DataShape.TEXT));
    List<String> labels =
        guessed && !columns.unused().isEmpty() ? labels(data, columns.unused()) : List.of();
    if (!labels.isEmpty()) {
      warnings.accept(
          "rows are taken for text, so %s not learned; to learn it as an answer, give --prompt '{%s}' --completion ' {%s}'"
              .formatted(
                  labels.size() == 1
                      ? labels.getFirst() + " is"
                      : String.join(" and ", labels) + " are",
                  columns.trained().getFirst(),
                  labels.getFirst()));
    }
  }

  private static List<String> labels(DataSettings data, List<String> unused) {
    Map<String, Set<String>> values = new LinkedHashMap<>();
    Set<String> others = new HashSet<>();
    int rows = 0;
    try (RowReader reader = RowReader.open(data, Pick.TRAIN)) {
      for (SourceLine line : reader.next(LOOKED_AT)) {
        try {
          Row row = Row.parse(line);
          rows++;
          for (String name : unused) {
            String value = row.has(name) ? row.text(name) : "";
            if (value.isBlank() || value.length() > LONGEST) {
              others.add(name);
            }
            values.computeIfAbsent(name, _ -> new HashSet<>()).add(value);
          }
        } catch (BadRowException e) {
          continue; // whoever reads all rows tells it
        }
      }
    }
    int most = rows / 2;
    return values.entrySet().stream()
        .filter(e -> !others.contains(e.getKey()))
        .filter(e -> e.getValue().size() > 1 && e.getValue().size() <= most)
        .map(Map.Entry::getKey)
        .toList();
  }
}
