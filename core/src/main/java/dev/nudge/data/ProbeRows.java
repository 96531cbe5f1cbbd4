package dev.nudge.data;

import dev.nudge.data.rows.BadRowException;
import dev.nudge.data.rows.Row;
import dev.nudge.data.rows.RowReader;
import dev.nudge.data.rows.RowShape;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.data.source.Pick;
import dev.nudge.data.tokens.Example;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.text.Encoded;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.quality.Mix;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/// A sample of rows to score with a base model that was not trained on them.
///
/// The sample is drawn from all rows, by the lowest hashes of their index, since rows are often
/// sorted by answer. Conversations are skipped, as they depend on a chat template.
///
/// @param rows zero-shot: each row alone, prompt and completion as one text, every token but the
///     first scored
/// @param bytes UTF-8 bytes of all `rows`, for bits per byte
/// @param solved few-shot: each row after [#SHOTS] solved ones, only the tokens of its completion
///     scored, without an end token, since a base model goes on with the next row instead
public record ProbeRows(List<Example> rows, long bytes, List<Example> solved) {
  /// Solved rows in a few-shot prompt.
  public static final int SHOTS = 3;

  private static final int CHUNK = 512;
  private static final String BETWEEN = "\n\n";

  private record Drawn(long hash, RowShape.Content.Answer row) {}

  /// Draws a sample; bad rows and those that are too long are skipped.
  ///
  /// @param most most rows of the sample
  public static ProbeRows of(DataSettings data, int most, int maxLength, Tokenizer tokenizer) {
    List<RowShape.Content.Answer> drawn = drawn(data, most + SHOTS);
    List<Example> rows = new ArrayList<>();
    List<Example> solved = new ArrayList<>();
    long bytes = 0;
    for (int i = 0; i < drawn.size(); i++) {
      RowShape.Content.Answer row = drawn.get(i);
      String text = row.prompt() + row.completion();
      Example alone = example("", text, tokenizer);
      if (alone.length() <= maxLength && rows.size() < most) {
        rows.add(alone);
        bytes += text.getBytes(StandardCharsets.UTF_8).length;
      }
      if (i >= SHOTS && !row.prompt().isBlank()) {
        String prompt = shots(drawn.subList(0, SHOTS)) + row.prompt();
        Example behind = example(prompt, row.completion(), tokenizer);
        if (behind.length() <= maxLength) {
          solved.add(behind);
        }
      }
    }
    return new ProbeRows(rows, bytes, solved);
  }

  private static List<RowShape.Content.Answer> drawn(DataSettings data, int most) {
    RowShape shape = RowShape.of(data);
    PriorityQueue<Drawn> lowest =
        new PriorityQueue<>(Comparator.comparingLong(Drawn::hash).reversed());
    try (RowReader reader = RowReader.open(data, Pick.TRAIN)) {
      List<SourceLine> lines = reader.next(CHUNK);
      for (; !lines.isEmpty(); lines = reader.next(CHUNK)) {
        for (SourceLine line : lines) {
          long hash = Mix.of(line.index());
          Drawn highest = lowest.peek();
          if (lowest.size() == most && highest != null && highest.hash() < hash) {
            continue;
          }
          RowShape.Content.Answer row = answer(line, shape);
          if (row != null) {
            lowest.add(new Drawn(hash, row));
          }
          if (lowest.size() > most) {
            lowest.poll();
          }
        }
      }
    }
    return lowest.stream().sorted(Comparator.comparingLong(Drawn::hash)).map(Drawn::row).toList();
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

  private static String shots(List<RowShape.Content.Answer> shots) {
    StringBuilder prompt = new StringBuilder();
    shots.forEach(shot -> prompt.append(shot.prompt()).append(shot.completion()).append(BETWEEN));
    return prompt.toString();
  }

  private static Example example(String prompt, String completion, Tokenizer tokenizer) {
    Encoded encoded = tokenizer.encode(prompt + completion);
    int begin = prompt.codePointCount(0, prompt.length());
    BitSet counted = new BitSet();
    for (int i = 1; i < encoded.length(); i++) {
      counted.set(i, encoded.ends()[i] > begin);
    }
    return new Example(encoded.ids(), counted, new SourceLine(0, Path.of(""), 1, ""));
  }
}
