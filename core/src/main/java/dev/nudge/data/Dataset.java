package dev.nudge.data;

import dev.nudge.data.source.Pick;
import dev.nudge.settings.DataSettings;
import dev.nudge.settings.EvalSplit;
import dev.nudge.settings.InputException;
import dev.nudge.settings.LengthSettings;
import dev.nudge.text.Tokenizer;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.BitSet;
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
  private final Files files;
  private final BitSet grouped;

  /// What is known of the files.
  private record Files(String digest, List<String> guesses, List<Integer> starts) {}

  private Dataset(
      List<Example> examples,
      BadRows bad,
      CutRows cut,
      UsedColumns columns,
      SeenShapes shapes,
      ShownRow first,
      Files files,
      BitSet grouped) {
    this.grouped = grouped;
    this.examples = List.copyOf(examples);
    this.bad = bad;
    this.cut = cut;
    this.columns = columns;
    this.shapes = shapes;
    this.first = first;
    this.files = files;
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
    return read(Reading.all(data), encoder, maxLength, tokenizer);
  }

  /// What is read of the data, and how closely it is looked at.
  ///
  /// @param flaws counts what it sees; null: nothing is looked for
  /// @param groups null: no row is held out by its group
  record Reading(
      DataSettings data, Pick pick, @Nullable Flaws flaws, EvalSplit.@Nullable Grouped groups) {
    static Reading all(DataSettings data) {
      return new Reading(data, Pick.TRAIN, null, null);
    }
  }

  static Dataset read(Reading reading, RowEncoder encoder, int maxLength, Tokenizer tokenizer) {
    DataSettings data = reading.data();
    RowShape shape = RowShape.of(data);
    List<Example> examples = new ArrayList<>();
    BadRows bad = new BadRows();
    UsedColumns.Tally columns = new UsedColumns.Tally(shape);
    SeenShapes.Tally shapes = new SeenShapes.Tally();
    String digest = ContentDigest.of(data, reading.pick());
    CutRows cut = CutRows.none(maxLength);
    BitSet grouped = new BitSet();
    Concatenation texts = new Concatenation(maxLength);
    Concatenation heldTexts = new Concatenation(maxLength);
    int rows = 0;
    Files files;
    try (RowReader reader = RowReader.open(data, reading.pick())) {
      List<SourceLine> lines = reader.next(CHUNK);
      for (; !lines.isEmpty(); lines = reader.next(CHUNK)) {
        List<Outcome> outcomes = outcomes(lines, shape, encoder, reading);
        for (int i = 0; i < lines.size(); i++) {
          switch (outcomes.get(i)) {
            case Outcome.Good good -> {
              columns.add(good.content(), good.names());
              shapes.add(good.content());
              Flaws flaws = reading.flaws();
              if (flaws == null || flaws.add(good.look(), lines.get(i))) {
                int index = lines.get(i).index();
                if (encoder.concatenates(good.content())) {
                  Example text = good.sequences().examples().getFirst();
                  examples.addAll((good.held() ? heldTexts : texts).add(text));
                } else {
                  examples.addAll(good.sequences().examples());
                }
                cut = cut.and(good.sequences().loss(), good.sequences().examples().size());
                grouped.set(index, good.held());
              }
            }
            case Outcome.Bad row -> bad.add(row.row());
          }
        }
        rows += lines.size();
      }
      examples.addAll(texts.rest());
      examples.addAll(heldTexts.rest());
      List<String> notes = new ArrayList<>(reader.guesses());
      notes.addAll(texts.said());
      notes.addAll(heldTexts.said());
      files = new Files(digest, notes, reader.starts());
    }
    bad.check(rows, data.skipBadRows(), data.data());
    if (examples.isEmpty()) {
      throw new InputException(BadRows.name(data.data()) + ": --drop-rows leaves no row");
    }
    if (examples.stream().allMatch(e -> e.trainedTokens() == 0)) {
      throw new InputException(
          BadRows.name(data.data())
              + ": nothing would be trained; no row has a token behind its first within --max-length "
              + maxLength);
    }
    ShownRow first = ShownRow.of(examples.getFirst(), tokenizer);
    return new Dataset(
        examples, bad, cut, columns.columns(), shapes.shapes(), first, files, grouped);
  }

  private sealed interface Outcome {
    record Good(
        RowEncoder.Sequences sequences,
        RowShape.Content content,
        Set<String> names,
        Look look,
        boolean held)
        implements Outcome {}

    record Bad(BadRow row) implements Outcome {}
  }

  private static List<Outcome> outcomes(
      List<SourceLine> lines, RowShape shape, RowEncoder encoder, Reading reading) {
    return IntStream.range(0, lines.size())
        .parallel()
        .mapToObj(i -> outcome(lines.get(i), shape, encoder, reading))
        .toList();
  }

  private static Outcome outcome(
      SourceLine line, RowShape shape, RowEncoder encoder, Reading reading) {
    try {
      Row row = Row.parse(line);
      RowShape.Content content = shape.content(row);
      EvalSplit.Grouped groups = reading.groups();
      return new Outcome.Good(
          encoder.encode(content, line),
          content,
          row.names(),
          reading.flaws() == null ? Look.NOTHING : Look.at(content),
          groups != null && Splits.holdsOut(groups, row.text(groups.column())));
    } catch (BadRowException e) {
      return new Outcome.Bad(line.bad(e));
    }
  }

  /// The same data with some of its rows.
  ///
  /// @param held whether the rows are held out of it: bad and cut rows then count with the others
  Dataset with(List<Example> rows, boolean held, Tokenizer tokenizer) {
    return new Dataset(
        rows,
        held ? new BadRows() : bad,
        held ? CutRows.none(0) : cut,
        columns,
        shapes,
        ShownRow.of(rows.getFirst(), tokenizer),
        files,
        new BitSet());
  }

  /// Whether a row is held out by its group.
  boolean grouped(int index) {
    return grouped.get(index);
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

  /// Returns how files were read and texts put together, a line each.
  public List<String> guesses() {
    return files.guesses();
  }

  /// Returns the digest of the files' contents ([ContentDigest]).
  public String digest() {
    return files.digest();
  }

  /// Returns for each name that was given as data the index of its first row.
  public List<Integer> sourceStarts() {
    return files.starts();
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
