package dev.nudge.data;

import dev.nudge.data.source.Pick;
import dev.nudge.settings.DataSettings;
import dev.nudge.text.Encoded;
import dev.nudge.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The first rows of data as questions to a model that was not trained on them.
///
/// What counts is the answer's text, without an end token: a base model goes on with the next row
/// instead. Conversations are passed over, as their answers depend on a template.
///
/// @param rows each by itself: a completion behind its prompt, or a text
/// @param bytes of what counts in each of them, in UTF-8
/// @param solved completions again, behind their prompt and [#SHOTS] rows with their answers
@SuppressWarnings("ArrayRecordComponent")
public record AskedRows(List<Example> rows, long[] bytes, List<Example> solved) {
  /// Solved rows in front of a question.
  public static final int SHOTS = 3;

  private static final int CHUNK = 64;
  private static final String BETWEEN = "\n\n";

  /// Reads rows; bad ones and those that are too long are passed over.
  ///
  /// @param most rows that are asked
  public static AskedRows of(DataSettings data, int most, int maxLength, Tokenizer tokenizer) {
    RowShape shape = RowShape.of(data);
    List<RowShape.Content.Answer> answers = new ArrayList<>();
    List<Example> rows = new ArrayList<>();
    List<Long> bytes = new ArrayList<>();
    try (RowReader reader = RowReader.open(data, Pick.TRAIN)) {
      List<SourceLine> lines = reader.next(CHUNK);
      for (; !lines.isEmpty() && rows.size() < most + SHOTS; lines = reader.next(CHUNK)) {
        for (SourceLine line : lines) {
          RowShape.Content.Answer row = answer(line, shape);
          Example example = row == null ? null : example(row, tokenizer);
          if (row != null && example != null && example.length() <= maxLength) {
            answers.add(row);
            rows.add(example);
            bytes.add((long) row.completion().getBytes(StandardCharsets.UTF_8).length);
          }
        }
      }
    }
    List<Example> solved = new ArrayList<>();
    for (int i = SHOTS; i < Math.min(answers.size(), most + SHOTS); i++) {
      Example example = example(behind(answers.subList(0, SHOTS), answers.get(i)), tokenizer);
      if (example.length() <= maxLength && !answers.get(i).prompt().isBlank()) {
        solved.add(example);
      }
    }
    int asked = Math.min(rows.size(), most);
    return new AskedRows(
        List.copyOf(rows.subList(0, asked)),
        bytes.subList(0, asked).stream().mapToLong(Long::longValue).toArray(),
        solved);
  }

  /// A text is an answer to nothing.
  private static RowShape.Content.@Nullable Answer answer(SourceLine line, RowShape shape) {
    try {
      return switch (shape.content(Row.parse(line))) {
        case RowShape.Content.Answer row -> row;
        case RowShape.Content.Text row -> new RowShape.Content.Answer("", row.text());
        case RowShape.Content.Conversation _, RowShape.Content.ChatAnswer _ -> null;
      };
    } catch (BadRowException e) {
      return null;
    }
  }

  private static RowShape.Content.Answer behind(
      List<RowShape.Content.Answer> shots, RowShape.Content.Answer row) {
    StringBuilder prompt = new StringBuilder();
    shots.forEach(shot -> prompt.append(shot.prompt()).append(shot.completion()).append(BETWEEN));
    return new RowShape.Content.Answer(prompt + row.prompt(), row.completion());
  }

  private static Example example(RowShape.Content.Answer row, Tokenizer tokenizer) {
    Encoded encoded = tokenizer.encode(row.prompt() + row.completion());
    int begin = row.prompt().codePointCount(0, row.prompt().length());
    BitSet counted = new BitSet();
    for (int i = 1; i < encoded.length(); i++) {
      counted.set(i, encoded.ends()[i] > begin);
    }
    return new Example(encoded.ids(), counted, new SourceLine(0, Path.of(""), 1, ""));
  }
}
