package dev.nudge.eval.run;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Keeps answers in a file, a line each, by a digest of all that they follow from, so that a run
/// that was stopped goes on where it was. A line that was cut off is passed over.
///
/// Threading: one thread.
final class AnswerStore implements AutoCloseable {
  static final String FILE = "answers.jsonl";

  private final Path file;
  private final Map<String, JsonNode> answers;
  private final BufferedWriter out;

  private AnswerStore(Path file, Map<String, JsonNode> answers, BufferedWriter out) {
    this.file = file;
    this.answers = answers;
    this.out = out;
  }

  /// Opens the file of a folder, which is there.
  ///
  /// @throws InputException where it cannot be read or written
  static AnswerStore open(Path folder) {
    Path file = folder.resolve(FILE);
    try {
      Map<String, JsonNode> answers = new HashMap<>();
      boolean cut = false;
      if (Files.exists(file)) {
        List<String> lines = Files.readAllLines(file);
        lines.forEach(line -> read(line, answers));
        byte[] all = Files.readAllBytes(file);
        cut = all.length > 0 && all[all.length - 1] != '\n';
      }
      BufferedWriter out =
          Files.newBufferedWriter(
              file,
              StandardCharsets.UTF_8,
              StandardOpenOption.CREATE,
              StandardOpenOption.APPEND);
      if (cut) {
        out.write("\n");
      }
      return new AnswerStore(file, answers, out);
    } catch (IOException e) {
      throw new InputException(file + " cannot be written: " + OutFolder.reason(e), e);
    }
  }

  private static void read(String line, Map<String, JsonNode> answers) {
    try {
      JsonNode entry = Json.parse(line);
      if (entry.path("key").isString() && entry.has("answer")) {
        answers.put(entry.path("key").stringValue(), entry.path("answer"));
      }
    } catch (JacksonException e) {
      // cut off
    }
  }

  /// An answer; null: it is not there.
  @Nullable JsonNode find(String key) {
    return answers.get(key);
  }

  /// How many there are.
  int size() {
    return answers.size();
  }

  void put(String key, JsonNode answer) {
    answers.put(key, answer);
    try {
      out.write(Json.line(Map.of("key", key, "answer", answer)));
      out.write("\n");
    } catch (IOException e) {
      throw failed(e);
    }
  }

  /// Lets a kill lose nothing of what was put.
  void flush() {
    try {
      out.flush();
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private RunException failed(IOException e) {
    return new RunException(file + " cannot be written: " + OutFolder.reason(e), e);
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw failed(e);
    }
  }
}
