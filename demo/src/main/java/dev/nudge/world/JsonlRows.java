package dev.nudge.world;

import dev.nudge.format.Json;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// Writes and reads JSONL files of prompts and completions.
public final class JsonlRows implements AutoCloseable {
  private final BufferedWriter out;

  private JsonlRows(BufferedWriter out) {
    this.out = out;
  }

  static JsonlRows create(Path file) throws IOException {
    return new JsonlRows(Files.newBufferedWriter(file));
  }

  /// Writes a file of prompts with their completions; both lists have equal length.
  public static void write(Path file, List<String> prompts, List<String> completions)
      throws IOException {
    try (JsonlRows rows = create(file)) {
      for (int i = 0; i < prompts.size(); i++) {
        rows.answer(prompts.get(i), completions.get(i));
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  void text(String text) {
    write(Map.of("text", text));
  }

  void answer(String prompt, String completion) {
    Map<String, String> row = new LinkedHashMap<>();
    row.put("prompt", prompt);
    row.put("completion", completion);
    write(row);
  }

  private void write(Object row) {
    try {
      out.write(Json.line(row));
      out.write('\n');
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() throws IOException {
    out.close();
  }

  /// Reads the texts of one column, in the order of the lines.
  static List<String> column(Path file, String name) throws IOException {
    List<String> texts = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      JsonNode value = Json.parse(line).path(name);
      if (!value.isString()) {
        throw new IllegalArgumentException(file + ": a line has no text " + name);
      }
      texts.add(value.stringValue());
    }
    return texts;
  }
}
