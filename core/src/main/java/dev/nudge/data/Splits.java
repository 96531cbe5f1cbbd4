package dev.nudge.data;

import dev.nudge.data.rows.BadRowException;
import dev.nudge.data.rows.BadRows;
import dev.nudge.data.rows.ContentDigest;
import dev.nudge.data.rows.RowColumns;
import dev.nudge.data.rows.RowReader;
import dev.nudge.data.rows.RowShape;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.data.rows.WantedRows;
import dev.nudge.data.source.Pick;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.SeenRow;
import dev.nudge.data.tokens.Sequence;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.EvalSettings;
import dev.nudge.settings.train.Flaw;
import dev.nudge.settings.train.QualitySettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.EvalSplit;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.quality.LongSet;
import dev.nudge.text.quality.Mix;
import dev.nudge.text.quality.NearTexts;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The training rows and the held-out rows of a run, and the flaws of the former.
///
/// A held-out share drawn by seed is exact: the rows with the lowest hashes of their index. A share
/// by column is approximate: a row is held out if the hash of its value lies in the lowest part of
/// all hashes, so it stays held out when rows are added, moved or removed. Duplicates are counted,
/// and dropped if the settings say so, before rows are held out; near-duplicates of held-out rows
/// after.
public final class Splits {
  private final Request wanted;
  private final RowEncoder encoder;
  private final Dataset train;
  private final @Nullable Dataset held;
  private final Flaws flaws;

  private Splits(
      Request wanted, RowEncoder encoder, Dataset train, @Nullable Dataset held, Flaws flaws) {
    this.wanted = wanted;
    this.encoder = encoder;
    this.train = train;
    this.held = held;
    this.flaws = flaws;
  }

  /// The settings that decide which rows are read and held out.
  ///
  /// @param seed seed by which a share is drawn
  /// @param rows what the rows are for
  public record Request(
      DataSettings data,
      EvalSettings eval,
      QualitySettings quality,
      LengthSettings length,
      long seed,
      WantedRows rows) {}

  /// Reads and tokenises all rows.
  ///
  /// @param maxLength most tokens of a row, end token included
  /// @param chat null: no template, so conversations are bad rows
  /// @param cache cache of tokenised rows
  /// @throws InputException as [Dataset#load] does; if a flaw refuses the data, or one of the two
  ///     parts is empty
  public static Splits load(
      Request wanted,
      int maxLength,
      Tokenizer tokenizer,
      @Nullable Conversations chat,
      TokenCache cache) {
    RowEncoder encoder =
        new RowEncoder(tokenizer, wanted.length(), true, maxLength, chat, wanted.rows());
    Flaws flaws = new Flaws(wanted.quality());
    DataSettings data = wanted.data();
    EvalSplit split = wanted.eval().evalSplit();
    Dataset all =
        Dataset.read(
            new Dataset.Reading(
                data,
                pick(wanted.eval()),
                encoder,
                flaws,
                split instanceof EvalSplit.Grouped groups ? groups : null),
            cache);
    List<Example> rows = withoutDuplicates(all, flaws);
    Dataset held = null;
    if (wanted.eval().any()) {
      Set<Integer> out = split == null ? Set.of() : heldOut(split, rows, all, wanted.seed());
      held =
          out.isEmpty()
              ? Dataset.read(
                  new Dataset.Reading(
                      heldData(wanted), heldPick(wanted.eval()), encoder, null, null),
                  cache)
              : all.with(
                  rows.stream().filter(e -> out.contains(e.index())).toList(), true, tokenizer);
      rows = withoutNear(without(rows, out), held, flaws);
    }
    flaws.check(BadRows.name(data.data()));
    if (rows.isEmpty()) {
      throw new InputException(BadRows.name(data.data()) + ": --drop-rows leaves no row");
    }
    Dataset train = rows.size() == all.examples().size() ? all : all.with(rows, false, tokenizer);
    return new Splits(wanted, encoder, train, held, flaws);
  }

  /// The training rows.
  public Dataset train() {
    return train;
  }

  /// The held-out rows; null: none.
  public @Nullable Dataset held() {
    return held;
  }

  /// The flaws of the training rows.
  public Flaws flaws() {
    return flaws;
  }

  /// The prompts of the first held-out rows that have one and leave room for an answer.
  public List<Prompts.Prompt> heldPrompts(int most, int maxLength, PromptEncoder encoder) {
    Dataset out = held;
    if (out == null) {
      return List.of();
    }
    Set<Integer> indices = out.examples().stream().map(Example::index).collect(Collectors.toSet());
    return Prompts.first(
        most,
        heldData(wanted),
        wanted.rows(),
        heldPick(wanted.eval()),
        indices::contains,
        maxLength,
        encoder);
  }

  /// The first training rows as the model sees them; of a pair or a group all answers.
  ///
  /// @param most most rows
  /// @param tokenizer the tokenizer that encoded the rows
  public List<SeenRow> seen(int most, Tokenizer tokenizer) {
    Map<Integer, List<Sequence>> again = new HashMap<>();
    List<Example> rows = train.examples();
    long shown = Math.min(rows.size(), (long) most * train.sequencesPerRow());
    Set<Integer> wantedRows =
        rows.stream().limit(shown).map(Example::index).collect(Collectors.toSet());
    RowShape shape = RowShape.of(wanted.data(), wanted.rows());
    try (RowReader reader = RowReader.open(wanted.data(), pick(wanted.eval()))) {
      List<SourceLine> lines = reader.next(1);
      for (; !lines.isEmpty() && again.size() < wantedRows.size(); lines = reader.next(1)) {
        SourceLine line = lines.getFirst();
        if (wantedRows.contains(line.index())) {
          again.put(line.index(), encoder.encode(shape, line).sequences().parts());
        }
      }
    } catch (BadRowException e) {
      throw new IllegalStateException("a good row is bad now: " + e.getMessage(), e);
    }
    return train.seen(most, tokenizer, row -> again.getOrDefault(row, List.of()));
  }

  /// The columns of the rows, by their index.
  ///
  /// @param held whether of the held-out rows
  public Map<Integer, Map<String, Object>> columns(boolean held) {
    return held
        ? RowColumns.read(heldData(wanted), heldPick(wanted.eval()))
        : RowColumns.read(wanted.data(), pick(wanted.eval()));
  }

  /// The digest of the training data; rows held out of the same files are included.
  public static String digest(DataSettings data, EvalSettings eval) {
    return ContentDigest.of(data, pick(eval));
  }

  /// The digest of the files with the held-out rows; null: none are held out.
  public static @Nullable String heldDigest(DataSettings data, EvalSettings eval) {
    return eval.any() ? ContentDigest.of(heldData(data, eval), heldPick(eval)) : null;
  }

  static Pick pick(EvalSettings eval) {
    return eval.evalSplit() instanceof EvalSplit.Named named ? Pick.but(named.name()) : Pick.TRAIN;
  }

  static Pick heldPick(EvalSettings eval) {
    return eval.evalSplit() instanceof EvalSplit.Named named ? Pick.held(named.name()) : Pick.TRAIN;
  }

  private static DataSettings heldData(Request wanted) {
    return heldData(wanted.data(), wanted.eval());
  }

  static DataSettings heldData(DataSettings data, EvalSettings eval) {
    return eval.evalData() == null ? data : data.withFiles(List.of(eval.evalData()));
  }

  /// Whether a row is held out, by the value of its column.
  static boolean holdsOut(EvalSplit.Grouped groups, String value) {
    return place(value) < groups.share();
  }

  /// Where a value lies among all, by its hash: from 0 to below 1.
  static double place(String value) {
    return (Mix.of(value) >>> 11) * 0x1p-53;
  }

  /// The indices of the rows that are cut off; empty where they are in other files.
  private static Set<Integer> heldOut(EvalSplit split, List<Example> rows, Dataset all, long seed) {
    List<Integer> indices = rows.stream().map(Example::index).distinct().toList();
    Set<Integer> out =
        switch (split) {
          case EvalSplit.Named _ -> Set.of();
          case EvalSplit.Share share ->
              indices.stream()
                  .sorted(Comparator.comparingLong(index -> Mix.of(Mix.of(seed) + index)))
                  .limit(Math.max(1, Math.round(share.share() * indices.size())))
                  .collect(Collectors.toSet());
          case EvalSplit.Grouped _ -> {
            Set<Integer> grouped = new HashSet<>(all.grouped());
            grouped.retainAll(new HashSet<>(indices));
            yield grouped;
          }
        };
    boolean other = split instanceof EvalSplit.Named;
    if (!other && (out.isEmpty() || out.size() == indices.size())) {
      throw new InputException(
          String.format(
              Locale.ROOT,
              "--eval-split %s holds out %s of %,d rows; give another share%s, or --eval-data",
              split,
              out.isEmpty() ? "none" : "all",
              indices.size(),
              split instanceof EvalSplit.Grouped ? ", a column with more values" : ""));
    }
    return out;
  }

  private static List<Example> withoutDuplicates(Dataset all, Flaws flaws) {
    LongSet seen = new LongSet();
    Set<Integer> out = new HashSet<>();
    List<Example> examples = all.examples();
    for (int i = 0; i < examples.size(); ) {
      Example first = examples.get(i);
      long hash = 0;
      for (; i < examples.size() && examples.get(i).index() == first.index(); i++) {
        hash = Mix.of(hash + examples.get(i).mixed());
      }
      if (!seen.add(hash) && !flaws.add(Flaw.DUPLICATES, first.file(), first.line())) {
        out.add(first.index());
      }
    }
    return without(examples, out);
  }

  private static List<Example> without(List<Example> rows, Set<Integer> out) {
    return out.isEmpty() ? rows : rows.stream().filter(e -> !out.contains(e.index())).toList();
  }

  private static List<Example> withoutNear(List<Example> rows, Dataset held, Flaws flaws) {
    NearTexts known =
        new NearTexts(held.examples().stream().limit(NearTexts.SAMPLE).map(Example::ids).toList());
    held.examples().forEach(e -> known.add(e.ids()));
    boolean[] near = new boolean[rows.size()];
    IntStream.range(0, rows.size())
        .parallel()
        .forEach(i -> near[i] = known.near(rows.get(i).ids()));
    Set<Integer> counted = new HashSet<>();
    Set<Integer> out = new HashSet<>();
    for (int i = 0; i < near.length; i++) {
      Example row = rows.get(i);
      if (near[i]
          && counted.add(row.index())
          && !flaws.add(Flaw.NEAR_DUPLICATES, row.file(), row.line())) {
        out.add(row.index());
      }
    }
    return without(rows, out);
  }
}
