package dev.nudge.bench.measure;

import dev.nudge.format.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Saves the finished rows of a long call in a file, so that the same call can resume if
/// interrupted.
///
/// A call is one set of flags on one commit and one boot of a machine; any difference begins a new
/// call. One JSON object a line: first `{"call", "work", "commit", "boot"}`, then rows `{"call",
/// "row", …}`, then `{"call", "ended"}`.
public final class FinishedRows {
  private final Path file;
  private final String call;
  private final Map<String, Map<String, Object>> rows = new LinkedHashMap<>();
  private final boolean resumed;

  private FinishedRows(
      Path file, String call, Map<String, Map<String, Object>> rows, boolean resumed) {
    this.file = file;
    this.call = call;
    this.rows.putAll(rows);
    this.resumed = resumed;
  }

  /// Resumes the last call in the file if it is this one and unfinished, else begins one.
  ///
  /// @param work the flags of the measurement
  public static FinishedRows open(Path file, String work, String commit, String boot) {
    Map<String, Object> last = Map.of();
    Map<String, Map<String, Object>> rows = new LinkedHashMap<>();
    try {
      if (Files.exists(file)) {
        for (String line : Files.readAllLines(file)) {
          Map<String, Object> value = read(line);
          if (value == null) {
            continue; // empty, or a partial write
          }
          if (value.containsKey("work")) {
            last = value;
            rows.clear();
          } else if (value.containsKey("ended")) {
            last = Map.of();
            rows.clear();
          } else {
            rows.put(String.valueOf(value.get("row")), value);
          }
        }
      }
      if (work.equals(last.get("work"))
          && commit.equals(last.get("commit"))
          && boot.equals(last.get("boot"))) {
        return new FinishedRows(file, String.valueOf(last.get("call")), rows, true);
      }
      Files.createDirectories(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    String call = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    FinishedRows journal = new FinishedRows(file, call, Map.of(), false);
    Map<String, Object> head = new LinkedHashMap<>();
    head.put("call", call);
    head.put("work", work);
    head.put("commit", commit);
    head.put("boot", boot);
    journal.write(head);
    return journal;
  }

  private static @Nullable Map<String, Object> read(String line) {
    try {
      return Json.plain(Json.parse(line));
    } catch (RuntimeException e) {
      return null;
    }
  }

  /// Returns a saved row, or makes and saves it.
  public Map<String, Object> row(String name, Supplier<Map<String, Object>> make) {
    Map<String, Object> known = rows.get(name);
    if (known != null) {
      return known;
    }
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("call", call);
    row.put("row", name);
    row.putAll(make.get());
    write(row);
    rows.put(name, row);
    return row;
  }

  public String call() {
    return call;
  }

  /// Returns the number of rows from earlier processes.
  public int resumedRows() {
    return resumed ? rows.size() : 0;
  }

  /// Marks the call as ended: the next one begins anew.
  public void end() {
    write(Map.of("call", call, "ended", true));
  }

  private void write(Map<String, Object> value) {
    try {
      Files.writeString(
          file,
          "\n" + Json.line(value), // the last line may be partial
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
