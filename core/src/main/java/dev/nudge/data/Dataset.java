package dev.nudge.data;

import dev.nudge.settings.DataSettings;
import dev.nudge.settings.InputException;
import dev.nudge.settings.LengthSettings;
import dev.nudge.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Holds the tokens of all rows of some files, in the order of the files.
///
/// Rows are read in chunks that are parsed and encoded in parallel; the result does not depend on
/// it. Immutable.
public final class Dataset {
  private static final int CHUNK = 512;

  private final List<Example> examples;
  private final BadRows bad;
  private final long tokens;
  private final long trainedTokens;
  private final int longest;
  private final int untrained;

  private Dataset(List<Example> examples, BadRows bad) {
    this.examples = List.copyOf(examples);
    this.bad = bad;
    this.tokens = examples.stream().mapToLong(Example::length).sum();
    this.trainedTokens = examples.stream().mapToLong(Example::trainedTokens).sum();
    this.longest = examples.stream().mapToInt(Example::length).max().orElse(0);
    this.untrained = (int) examples.stream().filter(e -> e.trainedTokens() == 0).count();
  }

  /// Reads and encodes rows.
  ///
  /// @param length what happens to rows that are too long; null: they are bad, and nothing else can
  ///     be asked for
  /// @param maxLength most tokens of a row, end token counted
  /// @throws InputException where a file is missing or not UTF-8; where a row is bad (its
  ///     `details()` name up to 20) unless the settings set bad rows aside; where there is no row,
  ///     no good row or nothing to train; where the tokenizer has no end token
  public static Dataset load(
      DataSettings data, @Nullable LengthSettings length, int maxLength, Tokenizer tokenizer) {
    RowShape shape = RowShape.of(data);
    RowEncoder encoder = new RowEncoder(tokenizer, length, maxLength);
    List<Example> examples = new ArrayList<>();
    BadRows bad = new BadRows();
    int rows = 0;
    try (RowReader reader = RowReader.open(data.data())) {
      List<SourceLine> lines = reader.next(CHUNK);
      for (; !lines.isEmpty(); lines = reader.next(CHUNK)) {
        for (Outcome outcome : outcomes(lines, shape, encoder)) {
          switch (outcome) {
            case Outcome.Good good -> examples.addAll(good.examples());
            case Outcome.Bad row -> bad.add(row.row());
          }
        }
        rows += lines.size();
      }
    }
    bad.check(rows, data.skipBadRows(), data.data());
    Dataset dataset = new Dataset(examples, bad);
    if (dataset.trainedTokens == 0) {
      throw new InputException(
          BadRows.name(data.data())
              + ": nothing would be trained; no completion is left within --max-length "
              + maxLength);
    }
    return dataset;
  }

  private sealed interface Outcome {
    record Good(List<Example> examples) implements Outcome {}

    record Bad(BadRow row) implements Outcome {}
  }

  private static List<Outcome> outcomes(
      List<SourceLine> lines, RowShape shape, RowEncoder encoder) {
    return IntStream.range(0, lines.size())
        .parallel()
        .mapToObj(i -> outcome(lines.get(i), shape, encoder))
        .toList();
  }

  private static Outcome outcome(SourceLine line, RowShape shape, RowEncoder encoder) {
    try {
      return new Outcome.Good(encoder.encode(shape.content(Row.parse(line.text())), line));
    } catch (BadRowException e) {
      return new Outcome.Bad(line.bad(e));
    }
  }

  /// Returns the sequences; the parts of a split row follow each other.
  public List<Example> examples() {
    return examples;
  }

  /// Returns the number of sequences.
  public int rows() {
    return examples.size();
  }

  /// Returns the number of rows that were set aside.
  public int badRows() {
    return bad.count();
  }

  /// Returns the first rows that were set aside, up to 20.
  public List<BadRow> firstBadRows() {
    return bad.first();
  }

  /// Returns the number of sequences without a trained token: their completion was cut off.
  public int untrainedRows() {
    return untrained;
  }

  /// Returns the number of all tokens.
  public long tokens() {
    return tokens;
  }

  /// Returns the number of all trained tokens.
  public long trainedTokens() {
    return trainedTokens;
  }

  /// Returns the number of tokens of the longest sequence.
  public int longest() {
    return longest;
  }
}
