package dev.nudge.eval.run;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Cache of model answers in a JSONL file, so that a stopped evaluation resumes. The key is a
/// digest of everything that an answer depends on. A truncated line is ignored.
///
/// Threading: one thread.
public final class AnswerStore {
  /// File name of the answer cache.
  public static final String FILE = "answers.jsonl";

  private final Path file;
  private final Map<String, JsonNode> answers;
  private final List<String> unwritten = new ArrayList<>();

  private AnswerStore(Path file, Map<String, JsonNode> answers) {
    this.file = file;
    this.answers = answers;
  }

  /// Opens or creates a cache file in an existing folder.
  ///
  /// @throws InputException if the file cannot be read
  public static AnswerStore open(Path file) {
    Map<String, JsonNode> answers = new HashMap<>();
    AnswerStore store = new AnswerStore(file, answers);
    try {
      // a kill may have truncated a character: invalid bytes are replaced
      byte[] bytes = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
      String text = new String(bytes, StandardCharsets.UTF_8);
      text.lines().forEach(line -> read(line, answers));
      if (text.isEmpty() || !text.endsWith("\n")) {
        OutFolder.append(file, ""); // create the file, or end the truncated line
      }
      return store;
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + OutFolder.reason(e), e);
    }
  }

  private static void read(String line, Map<String, JsonNode> answers) {
    try {
      JsonNode entry = line.isBlank() ? null : Json.parse(line);
      if (entry != null && entry.path("key").isString() && entry.has("answer")) {
        answers.put(entry.path("key").stringValue(), entry.path("answer"));
      }
    } catch (JacksonException e) {
      // a truncated line
    }
  }

  /// Returns the cached answer; null if there is none.
  public @Nullable JsonNode find(String key) {
    return answers.get(key);
  }

  /// Adds an answer.
  public void put(String key, JsonNode answer) {
    answers.put(key, answer);
    unwritten.add(Json.line(Map.of("key", key, "answer", answer)));
  }

  /// Writes buffered answers to disk, even if this thread is interrupted; the interrupt flag is
  /// kept.
  ///
  /// @throws dev.nudge.settings.RunException on an I/O error
  public void flush() {
    if (!unwritten.isEmpty()) {
      boolean interrupted = Thread.interrupted(); // an interrupt would close the channel
      try {
        OutFolder.append(file, String.join("\n", unwritten));
        unwritten.clear();
      } finally {
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    }
  }
}
