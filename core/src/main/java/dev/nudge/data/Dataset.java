package dev.nudge.data;

import dev.nudge.data.source.Pick;
import dev.nudge.settings.DataSettings;
import dev.nudge.settings.InputException;
import dev.nudge.settings.LengthSettings;
import dev.nudge.text.Tokenizer;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
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
  private final CutRows cut;
  private final long tokens;
  private final long trainedTokens;
  private final int longest;
  private final int untrained;
  private final UsedColumns columns;
  private final SeenShapes shapes;
  private final ShownRow first;
  private final String digest;
  private final List<String> guesses;

  private Dataset(
      List<Example> examples,
      BadRows bad,
      CutRows cut,
      UsedColumns columns,
      SeenShapes shapes,
      ShownRow first,
      String digest,
      List<String> guesses) {
    this.guesses = List.copyOf(guesses);
    this.examples = List.copyOf(examples);
    this.bad = bad;
    this.cut = cut;
    this.columns = columns;
    this.shapes = shapes;
    this.first = first;
    this.digest = digest;
    this.tokens = examples.stream().mapToLong(Example::length).sum();
    this.trainedTokens = examples.stream().mapToLong(Example::trainedTokens).sum();
    this.longest = examples.stream().mapToInt(Example::length).max().orElse(0);
    this.untrained = (int) examples.stream().filter(e -> e.trainedTokens() == 0).count();
  }

  /// Reads and encodes rows.
  ///
  /// @param length what happens to rows that are too long
  /// @param maxLength most tokens of a row, end token counted
  /// @throws InputException where a file is missing or not UTF-8; where a row is bad (its
  ///     `details()` name up to 20) unless the settings set bad rows aside; where there is no row,
  ///     no good row or nothing to train; where the tokenizer has no end token
  public static Dataset load(
      DataSettings data, LengthSettings length, int maxLength, Tokenizer tokenizer) {
    return load(data, length, maxLength, tokenizer, null);
  }

  /// The same where rows may be conversations.
  ///
  /// @param chat null: there is no template, and conversations are bad rows
  public static Dataset load(
      DataSettings data,
      LengthSettings length,
      int maxLength,
      Tokenizer tokenizer,
      @Nullable Conversations chat) {
    return load(
        data, new RowEncoder(tokenizer, length, true, maxLength, chat), maxLength, tokenizer);
  }

  /// Reads and encodes rows likewise, each as one sequence.
  ///
  /// @param truncate whether a row that is too long is cut; else it is bad
  public static Dataset whole(
      DataSettings data, boolean truncate, int maxLength, Tokenizer tokenizer) {
    return whole(data, truncate, maxLength, tokenizer, null);
  }

  /// The same where rows may be conversations.
  public static Dataset whole(
      DataSettings data,
      boolean truncate,
      int maxLength,
      Tokenizer tokenizer,
      @Nullable Conversations chat) {
    LengthSettings length = new LengthSettings(truncate, false);
    return load(
        data, new RowEncoder(tokenizer, length, false, maxLength, chat), maxLength, tokenizer);
  }

  private static Dataset load(
      DataSettings data, RowEncoder encoder, int maxLength, Tokenizer tokenizer) {
    RowShape shape = RowShape.of(data);
    List<Example> examples = new ArrayList<>();
    BadRows bad = new BadRows();
    UsedColumns.Tally columns = new UsedColumns.Tally(shape);
    SeenShapes.Tally shapes = new SeenShapes.Tally();
    String digest = ContentDigest.of(data, Pick.TRAIN);
    CutRows cut = CutRows.none(maxLength);
    int rows = 0;
    List<String> guesses;
    try (RowReader reader = RowReader.open(data, Pick.TRAIN)) {
      List<SourceLine> lines = reader.next(CHUNK);
      for (; !lines.isEmpty(); lines = reader.next(CHUNK)) {
        for (Outcome outcome : outcomes(lines, shape, encoder)) {
          switch (outcome) {
            case Outcome.Good good -> {
              examples.addAll(good.sequences().examples());
              cut = cut.and(good.sequences().loss(), good.sequences().examples().size());
              columns.add(good.content(), good.names());
              shapes.add(good.content());
            }
            case Outcome.Bad row -> bad.add(row.row());
          }
        }
        rows += lines.size();
      }
      guesses = reader.guesses();
    }
    bad.check(rows, data.skipBadRows(), data.data());
    if (examples.stream().allMatch(e -> e.trainedTokens() == 0)) {
      throw new InputException(
          BadRows.name(data.data())
              + ": nothing would be trained; no row has a token behind its first within --max-length "
              + maxLength);
    }
    ShownRow first = ShownRow.of(examples.getFirst(), tokenizer);
    return new Dataset(
        examples, bad, cut, columns.columns(), shapes.shapes(), first, digest, guesses);
  }

  private sealed interface Outcome {
    record Good(RowEncoder.Sequences sequences, RowShape.Content content, Set<String> names)
        implements Outcome {}

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
      Row row = Row.parse(line);
      RowShape.Content content = shape.content(row);
      return new Outcome.Good(encoder.encode(content, line), content, row.names());
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

  /// Returns the number of rows that were cut because they were too long, and how.
  public CutRows cutRows() {
    return cut;
  }

  /// Returns the columns that the rows are made of, and those that no row uses.
  public UsedColumns columns() {
    return columns;
  }

  /// Returns what the rows look like, as it was recognised.
  public SeenShapes shapes() {
    return shapes;
  }

  /// Returns the first sequence as it is trained, for people.
  public ShownRow first() {
    return first;
  }

  /// Returns the first rows as the model sees them.
  ///
  /// @param most rows
  /// @param tokenizer that the rows were encoded with
  public List<SeenRow> seen(int most, Tokenizer tokenizer) {
    return examples.stream().limit(most).map(example -> SeenRow.of(example, tokenizer)).toList();
  }

  /// Returns how long the sequences are.
  public Lengths lengths() {
    return Lengths.of(examples.stream().mapToInt(Example::length));
  }

  /// Returns what is wrong at the ends of the sequences.
  ///
  /// @param tokenizer that the rows were encoded with
  public Ends ends(Tokenizer tokenizer) {
    return Ends.of(examples, tokenizer);
  }

  /// Returns what was guessed of the files' formats, a line each.
  public List<String> guesses() {
    return guesses;
  }

  /// Returns the digest of the files' contents ([ContentDigest]).
  public String digest() {
    return digest;
  }

  /// Counts the rows of this data whose tokens are those of a row of other data.
  public int rowsIn(Dataset other) {
    Set<IntBuffer> there =
        other.examples.stream().map(Example::view).collect(Collectors.toUnmodifiableSet());
    return (int)
        examples.stream()
            .filter(e -> there.contains(e.view()))
            .mapToInt(Example::index)
            .distinct()
            .count();
  }

  /// Returns the number of sequences without a trained token: nothing stands behind their first.
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
