package dev.nudge.curves;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Reads the rows of `metrics.jsonl`.
///
/// A killed run may leave half a line at the end: it is ignored. A missing file has no rows. Any
/// other line that is not a JSON object is an error with its line number.
public final class MetricRows {
  private static final int TAIL = 8192;

  private MetricRows() {}

  /// Reads the rows in their order.
  ///
  /// @throws InputException if the file cannot be read, or a line before the last is no object
  public static List<JsonNode> read(Path metrics) {
    String text;
    try {
      text = new String(Files.readAllBytes(metrics), StandardCharsets.UTF_8);
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw new InputException(metrics + " cannot be read: " + OutFolder.reason(e), e);
    }
    List<JsonNode> rows = new ArrayList<>();
    int line = 0;
    for (int start = 0, end; start < text.length(); start = end + 1) {
      int newline = text.indexOf('\n', start);
      end = newline < 0 ? text.length() : newline;
      line++;
      JsonNode row = row(text.substring(start, end));
      if (row != null) {
        rows.add(row);
      } else if (newline >= 0 && !text.substring(end).isBlank()) {
        throw new InputException(
            metrics + ":" + line + " is not a row of metrics, a JSON object; mend or delete it");
      }
    }
    return rows;
  }

  /// Reads the last rows: whole lines within the last 8 KiB; none if the file cannot be read.
  public static List<JsonNode> last(Path metrics) {
    byte[] end = new byte[TAIL];
    int length;
    boolean whole;
    try (RandomAccessFile file = new RandomAccessFile(metrics.toFile(), "r")) {
      long start = Math.max(0, file.length() - TAIL);
      whole = start == 0;
      file.seek(start);
      length = Math.max(0, file.read(end));
    } catch (IOException e) {
      return List.of();
    }
    String text = new String(end, 0, length, StandardCharsets.UTF_8);
    List<JsonNode> rows = new ArrayList<>();
    for (String line : text.substring(whole ? 0 : text.indexOf('\n') + 1).split("\n")) {
      JsonNode row = row(line);
      if (row != null) {
        rows.add(row);
      }
    }
    return rows;
  }

  private static @Nullable JsonNode row(String line) {
    try {
      JsonNode row = Json.parseStrictly(line);
      return row.isObject() ? row : null;
    } catch (JacksonException e) {
      return null;
    }
  }
}
