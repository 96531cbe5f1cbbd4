package dev.nudge.data;

import dev.nudge.data.rows.BadRowException;
import dev.nudge.data.rows.Row;
import dev.nudge.data.rows.RowShape;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.data.tokens.Example;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Reads rows one at a time, each a JSON object, such as those of a table: to the tokens that
/// [Prompts] and [Dataset#whole] give for a file of them.
///
/// What is made here throws an [InputException] with the reason where a row is bad.
///
/// Threading: any thread.
public final class SingleRows {
  private static final Path NO_FILE = Path.of("");

  private SingleRows() {}

  /// The prompt of a row.
  ///
  /// @param ids token ids, at least one
  /// @param spoken whether it went through the chat template
  public record Prompt(int[] ids, boolean spoken) {}

  private interface Read<T> {
    T of(Row row) throws BadRowException;
  }

  private static <T> Function<String, T> each(Read<T> read) {
    return json -> {
      try {
        return read.of(Row.parse(json));
      } catch (BadRowException e) {
        throw new InputException(e.reason(), e);
      }
    };
  }

  /// Makes what reads prompts, which leave room for an answer.
  ///
  /// @param data whose files are not read
  /// @param maxLength most tokens of a prompt and its answer
  /// @throws InputException if a pattern is broken
  public static Function<String, Prompt> prompts(
      DataSettings data, int maxLength, PromptEncoder encoder) {
    RowShape shape = RowShape.of(data);
    return each(
        row -> {
          RowShape.Prompt asked = shape.prompt(row);
          int[] ids = encoder.prompt(asked).ids();
          Prompts.check(ids.length, maxLength);
          return new Prompt(ids, encoder.spoken() || asked instanceof RowShape.Prompt.Messages);
        });
  }

  /// Makes what reads rows with their completions, each as one sequence.
  ///
  /// @param data whose files are not read
  /// @param truncate whether a row that is too long is truncated; else it is bad
  /// @param maxLength most tokens of a row
  /// @param chat null: no template, so conversations are bad rows
  /// @throws InputException if a pattern is broken, or the tokenizer has no end token
  public static Function<String, Example> examples(
      DataSettings data,
      boolean truncate,
      int maxLength,
      Tokenizer tokenizer,
      @Nullable Conversations chat) {
    RowShape shape = RowShape.of(data);
    RowEncoder encoder =
        new RowEncoder(tokenizer, new LengthSettings(truncate, false), false, maxLength, chat);
    return each(
        row -> {
          SourceLine line = new SourceLine(0, NO_FILE, 0, "");
          return new Example(encoder.encode(shape.content(row)).parts().getFirst(), line);
        });
  }
}
