package dev.nudge.eval.task;

import dev.nudge.data.source.Sources;
import dev.nudge.settings.InputException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// Reads a plain text file as `datasets` does with `dataset_path: text`: one document per line,
/// empty lines included, in the column `text`.
final class TextLines {
  private TextLines() {}

  /// @throws InputException if the file is not UTF-8
  static List<JsonNode> read(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    if (Sources.isGzip(bytes)) {
      try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
        bytes = in.readAllBytes();
      }
    }
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new InputException(file + " is not UTF-8 text", e);
    }
    List<JsonNode> rows = new ArrayList<>();
    for (String line : text.split("\r\n|\r|\n", -1)) {
      rows.add(JsonNodeFactory.instance.objectNode().put("text", line));
    }
    boolean ended = text.isEmpty() || text.endsWith("\n") || text.endsWith("\r");
    return ended ? rows.subList(0, rows.size() - 1) : rows;
  }
}
