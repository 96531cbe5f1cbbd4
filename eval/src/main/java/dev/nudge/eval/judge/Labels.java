package dev.nudge.eval.judge;

import dev.nudge.data.source.RowSource;
import dev.nudge.data.source.Sources;
import dev.nudge.format.Json;
import dev.nudge.format.JsonMistake;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Human-labelled pairs. Rows have `question`, `answer_a`, `answer_b`, `label` (`a`, `b` or `tie`)
/// and, if the rubric uses it, `reference`.
///
/// @param contests in file order
/// @param labels the human label of each pair
public record Labels(List<Contest> contests, List<Choice> labels) {

  /// Reads a file of labelled pairs.
  ///
  /// @param reference whether rows must have a `reference`
  /// @throws InputException naming the first wrong row, or if there is no row
  public static Labels read(Path file, boolean reference) {
    List<Contest> contests = new ArrayList<>();
    List<Choice> labels = new ArrayList<>();
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          "--judge-labels %s %s"
              .formatted(file, Files.exists(file) ? "is no file" : "is not there"));
    }
    try (RowSource source = Sources.open(file)) {
      for (RowSource.Piece piece = source.next(); piece != null; piece = source.next()) {
        JsonNode row = row(file, piece);
        String question = text(file, piece, row, "question");
        String a = text(file, piece, row, "answer_a");
        String b = text(file, piece, row, "answer_b");
        labels.add(label(file, piece, row));
        @Nullable String right = reference ? text(file, piece, row, "reference") : null;
        contests.add(new Contest(String.valueOf(contests.size()), question, a, b, right));
      }
    } catch (IOException e) {
      throw new InputException(
          "--judge-labels " + file + " cannot be read: " + OutFolder.reason(e), e);
    }
    if (contests.isEmpty()) {
      throw new InputException("--judge-labels %s has no row".formatted(file));
    }
    return new Labels(List.copyOf(contests), List.copyOf(labels));
  }

  private static JsonNode row(Path file, RowSource.Piece piece) {
    if (piece.problem() != null) {
      throw wrong(file, piece, piece.problem());
    }
    try {
      JsonNode row = Json.parse(piece.text());
      if (!row.isObject()) {
        throw wrong(file, piece, "it is no JSON object");
      }
      return row;
    } catch (JacksonException e) {
      throw wrong(file, piece, JsonMistake.of(e));
    }
  }

  private static String text(Path file, RowSource.Piece piece, JsonNode row, String key) {
    JsonNode value = row.path(key);
    if (!value.isString()) {
      throw wrong(
          file,
          piece,
          (value.isMissingNode() ? key + " is missing" : key + " is no text")
              + "; a row has question, answer_a, answer_b and label"
              + (key.equals("reference")
                  ? ", and reference where --judge-prompt has {reference}"
                  : ""));
    }
    return value.stringValue();
  }

  private static Choice label(Path file, RowSource.Piece piece, JsonNode row) {
    String label = text(file, piece, row, "label");
    Choice choice = Choice.named(label);
    if (choice == null) {
      throw wrong(file, piece, "label is '%s'; it must be a, b or tie".formatted(label));
    }
    return choice;
  }

  private static InputException wrong(Path file, RowSource.Piece piece, String what) {
    return new InputException("--judge-labels %s, line %d: %s".formatted(file, piece.line(), what));
  }
}
