package dev.nudge.data;

import dev.nudge.data.source.Pick;
import dev.nudge.settings.Count;
import dev.nudge.settings.DataSettings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/// Counts what a data set holds, row by row, without a model.
///
/// @param rows good and bad
/// @param badRows those that cannot be used
/// @param characters of all good rows
public record DataStats(long rows, long badRows, long characters) {
  private static final int CHUNK = 512;

  /// Reads all rows once.
  ///
  /// @param read told how many rows were read so far
  /// @throws dev.nudge.settings.InputException where a file is missing or cannot be read
  public static DataStats of(DataSettings data, LongConsumer read) {
    RowShape shape = RowShape.of(data);
    long rows = 0;
    long bad = 0;
    long characters = 0;
    try (RowReader reader = RowReader.open(data, Pick.TRAIN)) {
      List<SourceLine> lines = reader.next(CHUNK);
      for (; !lines.isEmpty(); lines = reader.next(CHUNK)) {
        for (SourceLine line : lines) {
          rows++;
          try {
            characters += length(shape.content(Row.parse(line)));
          } catch (BadRowException e) {
            bad++;
          }
        }
        read.accept(rows);
      }
    }
    return new DataStats(rows, bad, characters);
  }

  private static long length(RowShape.Content content) {
    return switch (content) {
      case RowShape.Content.Answer row -> row.prompt().length() + row.completion().length();
      case RowShape.Content.Text row -> row.text().length();
      case RowShape.Content.Conversation row -> Texts.said(row.messages()).length();
      case RowShape.Content.ChatAnswer row ->
          Texts.said(row.prompt()).length() + Texts.said(row.completion()).length();
    };
  }

  /// The lines for people.
  public List<String> lines() {
    return List.of(
        Count.of(rows, "row") + ", " + Count.of(badRows, "bad one"),
        Count.of(characters, "character"));
  }

  /// The values by key, for `--json`.
  public Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("rows", rows);
    values.put("bad_rows", badRows);
    values.put("characters", characters);
    return values;
  }
}
