package dev.nudge.server.capture;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Reads the files of a capture folder, which a server may be writing.
final class CaptureReader {
  private CaptureReader() {}

  /// Lists the files of a folder.
  ///
  /// @throws InputException if it cannot be read
  static List<Path> files(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new InputException(
          "%s is no folder; give the one of serve --capture".formatted(folder));
    }
    try {
      return CaptureFiles.all(folder);
    } catch (IOException e) {
      throw new InputException(folder + " cannot be read: " + OutFolder.reason(e), e);
    }
  }

  /// Reads the lines of a file. A line that a crash truncated is skipped.
  ///
  /// @return number of truncated lines
  /// @throws InputException if it cannot be read
  static int read(Path file, Consumer<JsonNode> lines) {
    int torn = 0;
    // an explicit decoder, as a truncated character must not fail the file
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        if (line.isEmpty()) {
          continue;
        }
        JsonNode node = node(line);
        if (node == null) {
          torn++;
        } else {
          lines.accept(node);
        }
      }
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + OutFolder.reason(e), e);
    }
    return torn;
  }

  private static @Nullable JsonNode node(String line) {
    try {
      JsonNode node = Json.parse(line);
      return node.path("id").isString() ? node : null;
    } catch (JacksonException e) {
      return null;
    }
  }

  /// Returns the time of a line; 1970 if it has none.
  static Instant time(JsonNode line) {
    try {
      return Instant.parse(line.path("time").asString(""));
    } catch (DateTimeParseException e) {
      return Instant.EPOCH;
    }
  }
}
