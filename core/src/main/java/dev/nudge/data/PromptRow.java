package dev.nudge.data;

import dev.nudge.data.rows.BadRowException;
import dev.nudge.data.rows.Messages;
import dev.nudge.data.rows.Row;
import dev.nudge.data.rows.RowReader;
import dev.nudge.data.rows.RowShape;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.data.source.Pick;
import dev.nudge.settings.verb.DataSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/// A row to test a model with: the prompt, and the answer that the row expects.
///
/// For a conversation it is the last assistant message, after all messages before it. Text rows
/// have no prompt and are left out.
///
/// @param index index of the row among the non-blank lines of all files, from 0
/// @param line number of the line in its file, from 1
/// @param asked the prompt as the row has it; for a conversation the message that is answered
/// @param prompt token ids of the prompt, at least one
/// @param expected the expected answer as the row has it: a text, else the message's JSON
public record PromptRow(
    int index, Path file, int line, String asked, int[] prompt, String expected) {

  /// Reads prompts with expected answers. Bad rows, texts, and rows whose prompt leaves no room for
  /// an answer are skipped.
  ///
  /// @param maxLength most tokens of a prompt and its answer
  /// @param encoder encodes the prompts
  public static List<PromptRow> of(DataSettings data, int maxLength, PromptEncoder encoder) {
    RowShape shape = RowShape.of(data);
    List<PromptRow> questions = new ArrayList<>();
    try (RowReader reader = RowReader.open(data, Pick.TRAIN)) {
      List<SourceLine> lines = reader.next(1);
      for (; !lines.isEmpty(); lines = reader.next(1)) {
        SourceLine line = lines.getFirst();
        try {
          Row row = Row.parse(line);
          String expected = expected(shape.content(row));
          if (expected != null) {
            int[] prompt = Prompts.ids(row, shape, maxLength, encoder).ids();
            questions.add(
                new PromptRow(
                    line.index(),
                    line.file(),
                    line.number(),
                    asked(shape.prompt(row)),
                    prompt,
                    expected));
          }
        } catch (BadRowException e) {
          continue; // whoever scores the rows has told it
        }
      }
    }
    return questions;
  }

  private static String asked(RowShape.Prompt asked) {
    return switch (asked) {
      case RowShape.Prompt.Text text -> text.text();
      case RowShape.Prompt.Messages all -> said(all.messages().get(all.messages().size() - 1));
    };
  }

  private static @Nullable String expected(RowShape.Content content) {
    return switch (content) {
      case RowShape.Content.Answer row -> row.completion();
      case RowShape.Content.ChatAnswer row -> said(row.completion().get(0));
      case RowShape.Content.Conversation row -> last(row.messages());
      case RowShape.Content.Text _ -> null;
    };
  }

  /// What stands behind the last message that is not the assistant's; null: nothing.
  private static @Nullable String last(ArrayNode messages) {
    int at = messages.size();
    while (at > 0 && Messages.isAnswer(messages.get(at - 1))) {
      at--;
    }
    return at == messages.size() ? null : said(messages.get(at));
  }

  private static String said(JsonNode message) {
    JsonNode content = message.path("content");
    return content.isString() ? content.stringValue() : message.toString();
  }
}
