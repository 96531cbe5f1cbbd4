package dev.nudge.data;

import dev.nudge.data.rows.BadRows;
import dev.nudge.data.rows.ContentDigest;
import dev.nudge.data.rows.PromptBoundary;
import dev.nudge.data.rows.SeenShapes;
import dev.nudge.data.rows.UsedColumns;
import dev.nudge.data.rows.WantedRows;
import dev.nudge.data.source.Pick;
import dev.nudge.data.tokens.CutRows;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.GroupFacts;
import dev.nudge.data.tokens.PairFacts;
import dev.nudge.data.tokens.SameTokens;
import dev.nudge.data.tokens.SeenRow;
import dev.nudge.data.tokens.Sequence;
import dev.nudge.data.tokens.ShownRow;
import dev.nudge.data.tokens.SpecialTokenCounts;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.DataShape;
import dev.nudge.settings.verb.EvalSplit;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.text.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The tokenised rows of data files, with label masks, in the order of the files.
///
/// The tokens lie in one `TokenTable`, which a [TokenCache] keeps between runs. Immutable.
public final class Dataset {
  private final List<Example> examples;
  private final RowFacts facts;
  private final long tokens;
  private final long trainedTokens;
  private final int longest;
  private final int untrained;
  private final ShownRow first;
  private final String digest;
  private final WantedRows wanted;
  private final int sequences; // of a row
  private final @Nullable PairFacts pairs;
  private final @Nullable GroupFacts groups;
  private final @Nullable ShownRow rejected;

  private Dataset(
      List<Example> examples,
      RowFacts facts,
      String digest,
      WantedRows wanted,
      Tokenizer tokenizer) {
    this.examples = examples;
    this.wanted = wanted;
    this.sequences = wanted.sequences();
    this.facts = facts;
    this.first = ShownRow.of(examples.getFirst(), tokenizer);
    boolean paired = wanted.objective().pairs();
    this.pairs = paired ? PairFacts.of(examples) : null;
    this.groups = wanted.group() == 0 ? null : GroupFacts.of(examples, sequences);
    this.rejected = paired ? ShownRow.of(examples.get(1), tokenizer) : null;
    this.digest = digest;
    this.tokens = examples.stream().mapToLong(Example::length).sum();
    this.trainedTokens = examples.stream().mapToLong(Example::trainedTokens).sum();
    this.longest = examples.stream().mapToInt(Example::length).max().orElse(0);
    this.untrained = (int) examples.stream().filter(e -> e.trainedTokens() == 0).count();
  }

  /// Reads and tokenises rows, or takes their tokens from a cache.
  ///
  /// @param length whether rows that are too long are truncated, split or bad
  /// @param maxLength most tokens of a row, end token included
  /// @param chat null: no template, so conversations are bad rows
  /// @throws InputException if a file is missing or not UTF-8; if a row is bad (its `details()`
  ///     name up to 20) and the settings do not skip bad rows; if there is no row, no good row or
  ///     nothing to train; if the tokenizer has no end token
  public static Dataset load(
      DataSettings data,
      LengthSettings length,
      int maxLength,
      Tokenizer tokenizer,
      @Nullable Conversations chat,
      TokenCache cache) {
    RowEncoder encoder = new RowEncoder(tokenizer, length, true, maxLength, chat);
    return read(new Reading(data, Pick.TRAIN, encoder, null, null), cache);
  }

  /// Reads rows, each as one sequence, or takes them from a cache.
  ///
  /// @param truncate whether a row that is too long is truncated; else it is bad
  /// @param chat null: no template, so conversations are bad rows
  public static Dataset whole(
      DataSettings data,
      boolean truncate,
      int maxLength,
      Tokenizer tokenizer,
      @Nullable Conversations chat,
      TokenCache cache) {
    LengthSettings length = new LengthSettings(truncate, false);
    RowEncoder encoder = new RowEncoder(tokenizer, length, false, maxLength, chat);
    return read(new Reading(data, Pick.TRAIN, encoder, null, null), cache);
  }

  /// What is read of the data, and how.
  ///
  /// @param flaws counts what it sees; null: nothing is looked for
  /// @param groups null: no row is held out by its group
  record Reading(
      DataSettings data,
      Pick pick,
      RowEncoder encoder,
      @Nullable Flaws flaws,
      EvalSplit.@Nullable Grouped groups) {}

  static Dataset read(Reading reading, TokenCache cache) {
    DataSettings data = reading.data();
    RowEncoder encoder = reading.encoder();
    String digest = ContentDigest.of(data, reading.pick());
    TokenCache.Rows rows = cache.rows(reading, digest);
    if (rows.examples().isEmpty()) {
      throw new InputException(BadRows.name(data.data()) + ": --drop-rows leaves no row");
    }
    boolean trains = !encoder.rows().promptsOnly();
    if (trains && rows.examples().stream().allMatch(e -> e.trainedTokens() == 0)) {
      throw new InputException(
          BadRows.name(data.data())
              + ": nothing would be trained; no row has a token behind its first within"
              + " --max-length "
              + encoder.maxLength()
              + ", or every message that would be has \"train\": false or \"weight\": 0");
    }
    return new Dataset(rows.examples(), rows.facts(), digest, encoder.rows(), encoder.tokenizer());
  }

  /// The same data with some of its rows.
  ///
  /// @param held whether the rows are held out of it: bad and cut rows then count with the others
  Dataset with(List<Example> rows, boolean held, Tokenizer tokenizer) {
    return new Dataset(
        List.copyOf(rows), held ? facts.heldOut() : facts, digest, wanted, tokenizer);
  }

  /// The indices of the rows that are held out by their group.
  List<Integer> grouped() {
    return facts.grouped();
  }

  /// Returns the sequences; the parts of a split row, or the answers of a pair, are adjacent.
  public List<Example> examples() {
    return examples;
  }

  /// Returns the number of rows; each part of a split row counts, a pair or a group is one.
  public int rows() {
    return examples.size() / sequences;
  }

  /// Returns the number of sequences of each row: 2 of pairs, the completions of a group.
  public int sequencesPerRow() {
    return sequences;
  }

  /// Returns the places of the rows' sequences in [#examples].
  ///
  /// @param rows numbers of rows
  public int[] places(int[] rows) {
    return IntStream.of(rows)
        .flatMap(row -> IntStream.range(row * sequences, (row + 1) * sequences))
        .toArray();
  }

  /// Returns the number of bad rows that were set aside.
  public int badRows() {
    return facts.bad();
  }

  /// Returns how many rows were truncated or split, and how.
  public CutRows cutRows() {
    return facts.cut();
  }

  /// Returns the columns that the rows use, and those that no row uses.
  public UsedColumns columns() {
    return facts.columns();
  }

  /// Returns the recognised shapes of the rows.
  public SeenShapes shapes() {
    return facts.shapes();
  }

  /// Returns the system message that all conversations share; null: none.
  public @Nullable String system() {
    return facts.system();
  }

  /// Returns how many prompts and completions have no space between them.
  public PromptBoundary boundary() {
    return facts.boundary();
  }

  /// Returns the first sequence in short, for people.
  public ShownRow first() {
    return first;
  }

  /// Returns the rejected answer of the first pair in short; null: rows are no pairs.
  public @Nullable ShownRow rejected() {
    return rejected;
  }

  /// Returns what pairs differ in; null: rows are no pairs.
  public @Nullable PairFacts pairs() {
    return pairs;
  }

  /// Returns what groups and their rewards tell; null: rows are no groups.
  public @Nullable GroupFacts groups() {
    return groups;
  }

  /// Whether rows are prompts whose completions are sampled in training.
  public boolean promptsOnly() {
    return wanted.promptsOnly();
  }

  /// Returns the completions of the first group in short, each with its reward; empty: none.
  public List<String> firstGroup(Tokenizer tokenizer) {
    return examples.stream()
        .limit(wanted.group())
        .map(e -> reward(e) + " " + ShownRow.of(e, tokenizer).trained())
        .toList();
  }

  private static String reward(Example example) {
    return "reward " + (float) example.value();
  }

  /// Returns the first rows as the model sees them; of a pair or a group all answers.
  ///
  /// @param most most rows
  /// @param tokenizer the tokenizer that encoded the rows
  /// @param again the sequences of a row, encoded once more for their texts
  public List<SeenRow> seen(int most, Tokenizer tokenizer, IntFunction<List<Sequence>> again) {
    boolean labelled = facts.shapes().most() == DataShape.UNPAIRED_PREFERENCE;
    return IntStream.range(0, (int) Math.min(examples.size(), (long) most * sequences))
        .mapToObj(
            i -> {
              Example example = examples.get(i);
              String answer =
                  labelled
                      ? example.value() > 0 ? "good" : "bad"
                      : groups != null
                          ? reward(example)
                          : pairs == null ? null : i % 2 == 0 ? "chosen" : "rejected";
              Sequence.Text text =
                  again.apply(example.index()).stream()
                      .filter(part -> Arrays.equals(part.ids(), example.ids()))
                      .map(Sequence::text)
                      .filter(Objects::nonNull)
                      .findFirst()
                      .orElse(null);
              return SeenRow.of(example, answer, text, tokenizer);
            })
        .toList();
  }

  /// Returns the histogram of the sequences' lengths.
  public LengthBins lengths() {
    return LengthBins.of(examples.stream().mapToInt(Example::length));
  }

  /// Returns how many sequences have a doubled beginning-of-text token or a trained end token.
  ///
  /// @param tokenizer the tokenizer that encoded the rows
  public SpecialTokenCounts ends(Tokenizer tokenizer) {
    return SpecialTokenCounts.of(examples, tokenizer);
  }

  /// Returns a line for each guess about file formats and for each way texts were joined.
  public List<String> guesses() {
    return facts.guesses();
  }

  /// Returns the digest of the files' contents ([ContentDigest]).
  public String digest() {
    return digest;
  }

  /// Returns the index of the first row of each name that `--data` gives.
  public List<Integer> sourceStarts() {
    return facts.starts();
  }

  /// Counts the rows whose tokens equal those of a row in another data set.
  public int rowsIn(Dataset other) {
    return SameTokens.rows(examples, other.examples);
  }

  /// Returns the number of sequences without a trained token, as they have only one token.
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
