package dev.nudge.data;

import dev.nudge.data.rows.BadRow;
import dev.nudge.data.rows.BadRowException;
import dev.nudge.data.rows.BadRows;
import dev.nudge.data.rows.Row;
import dev.nudge.data.rows.RowReader;
import dev.nudge.data.rows.RowShape;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.data.rows.WantedRows;
import dev.nudge.data.source.Pick;
import dev.nudge.settings.Count;
import dev.nudge.settings.verb.DataSettings;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/// The prompts of rows to complete; the rows need no completion.
///
/// @param prompts prompts in the order of the files
/// @param badRows number of bad rows that were set aside
/// @param firstBadRows the first of them, up to 20
public record Prompts(List<Prompt> prompts, int badRows, List<BadRow> firstBadRows) {

  /// A prompt and the place of its row.
  ///
  /// @param index index of the row among the non-blank lines of all files, from 0
  /// @param line number of the line in its file, from 1
  /// @param ids token ids, at least one
  public record Prompt(int index, Path file, int line, String text, int[] ids) {}

  public Prompts {
    prompts = List.copyOf(prompts);
    firstBadRows = List.copyOf(firstBadRows);
  }

  /// Reads prompts: by the pattern of the settings, else the column `prompt`.
  ///
  /// @param maxLength most tokens of a prompt and its answer; a prompt that is empty or leaves no
  ///     room for an answer is a bad row
  /// @param encoder encodes the prompts
  /// @param standardInput contents of the file `-`, read to its end; null: `-` is refused
  /// @throws dev.nudge.settings.InputException as [Dataset#load] does
  public static Prompts load(
      DataSettings data,
      @Nullable InputStream standardInput,
      int maxLength,
      PromptEncoder encoder) {
    RowShape shape = RowShape.of(data);
    List<Prompt> prompts = new ArrayList<>();
    BadRows bad = new BadRows();
    try (RowReader reader = RowReader.open(data, standardInput)) {
      List<SourceLine> lines = reader.next(1);
      for (; !lines.isEmpty(); lines = reader.next(1)) {
        SourceLine line = lines.getFirst();
        try {
          prompts.add(prompt(line, shape, maxLength, encoder));
        } catch (BadRowException e) {
          bad.add(line.bad(e));
        }
      }
    }
    bad.check(prompts.size() + bad.count(), data.skipBadRows(), data.data());
    return new Prompts(prompts, bad.count(), bad.first());
  }

  /// Reads the prompts of the first rows that have one; other rows are passed over.
  ///
  /// @param most prompts to read
  /// @param rows what the rows are for
  /// @param taken which rows are meant, by their index
  /// @param maxLength as for [#load]
  static List<Prompt> first(
      int most,
      DataSettings data,
      WantedRows rows,
      Pick pick,
      IntPredicate taken,
      int maxLength,
      PromptEncoder encoder) {
    RowShape shape = RowShape.of(data, rows);
    List<Prompt> prompts = new ArrayList<>();
    try (RowReader reader = RowReader.open(data, pick)) {
      List<SourceLine> lines = reader.next(1);
      for (; !lines.isEmpty() && prompts.size() < most; lines = reader.next(1)) {
        SourceLine line = lines.getFirst();
        if (!taken.test(line.index())) {
          continue;
        }
        try {
          prompts.add(prompt(line, shape, maxLength, encoder));
        } catch (BadRowException e) {
          continue; // it has none, or none that leaves room for an answer
        }
      }
    }
    return prompts;
  }

  private static Prompt prompt(
      SourceLine line, RowShape shape, int maxLength, PromptEncoder encoder)
      throws BadRowException {
    Conversations.Prompt prompt = ids(Row.parse(line), shape, maxLength, encoder);
    return new Prompt(line.index(), line.file(), line.number(), prompt.text(), prompt.ids());
  }

  /// The prompt of a row, with room for an answer.
  static Conversations.Prompt ids(Row row, RowShape shape, int maxLength, PromptEncoder encoder)
      throws BadRowException {
    Conversations.Prompt prompt = encoder.prompt(shape, row);
    check(prompt.ids().length, maxLength);
    return prompt;
  }

  static void check(int tokens, int maxLength) throws BadRowException {
    if (tokens == 0) {
      throw new BadRowException("the prompt has no tokens");
    }
    if (tokens >= maxLength) {
      throw new BadRowException(
          "the prompt has "
              + Count.of(tokens, "token")
              + ", which leaves none of --max-length "
              + maxLength
              + " for an answer; shorten it or raise --max-length",
          "the prompt leaves none of --max-length " + maxLength + " for an answer");
    }
  }
}
