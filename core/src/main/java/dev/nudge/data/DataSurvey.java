package dev.nudge.data;

import dev.nudge.data.rows.Answers;
import dev.nudge.data.rows.BadRow;
import dev.nudge.data.rows.BadRowException;
import dev.nudge.data.rows.BadRows;
import dev.nudge.data.rows.ComparedAnswers;
import dev.nudge.data.rows.ContentFlaws;
import dev.nudge.data.rows.PreferenceShape;
import dev.nudge.data.rows.PromptBoundary;
import dev.nudge.data.rows.Row;
import dev.nudge.data.rows.RowReader;
import dev.nudge.data.rows.RowShape;
import dev.nudge.data.rows.RowShape.Content;
import dev.nudge.data.rows.RowTexts;
import dev.nudge.data.rows.SeenShapes;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.data.rows.UsedColumns;
import dev.nudge.data.rows.WantedRows;
import dev.nudge.data.source.Pick;
import dev.nudge.data.tokens.PairFacts;
import dev.nudge.settings.train.EvalSettings;
import dev.nudge.settings.train.Flaw;
import dev.nudge.settings.train.QualitySettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.DataShape;
import dev.nudge.settings.verb.EvalSplit;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.quality.LongSet;
import dev.nudge.text.quality.Mix;
import dev.nudge.text.quality.NearTexts;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Computes the statistics of a data set in one pass.
///
/// Of each row only lengths and a hash are kept, of a held-out one a signature, and up to a
/// thousand short answers. Without a template a conversation is the text of its messages. Rows are
/// duplicates if their texts are equal, near-duplicates by words ([NearTexts]).
public final class DataSurvey {
  private static final int CHUNK = 512;

  private final RowShape shape;
  private final @Nullable Tokenizer tokenizer;
  private final @Nullable NearTexts held;
  private final BadRows bad = new BadRows();
  private final Flaws flaws = new Flaws(QualitySettings.KEEP);
  private final UsedColumns.Tally columns;
  private final SeenShapes.Tally shapes = new SeenShapes.Tally();
  private final PromptBoundary.Tally boundaries = new PromptBoundary.Tally();
  private final Lengths.Tally characters = new Lengths.Tally();
  private final Lengths.Tally tokens = new Lengths.Tally();
  private final Lengths.Tally turns = new Lengths.Tally();
  private final LongSet seen = new LongSet();
  private final Answers.Tally answers = new Answers.Tally();
  private PairFacts pairs = PairFacts.NONE;
  private long rows;

  private DataSurvey(DataSettings data, @Nullable Tokenizer tokenizer, @Nullable NearTexts held) {
    this.shape = RowShape.of(data, WantedRows.recognised(data, WantedRows.TEXTS.objective()));
    this.tokenizer = tokenizer;
    this.held = held;
    this.columns = new UsedColumns.Tally(shape);
  }

  /// Reads all training rows.
  ///
  /// @param eval held-out files to compare with; a held-out share of the data itself is ignored
  /// @param tokenizer counts tokens; null: they are not counted
  /// @param read receives the number of rows read so far
  /// @throws dev.nudge.settings.InputException if a file is missing or cannot be read, or no row is
  ///     good
  public static DataStats of(
      DataSettings data, EvalSettings eval, @Nullable Tokenizer tokenizer, LongConsumer read) {
    DataSurvey survey = new DataSurvey(data, tokenizer, held(data, eval));
    List<String> guesses;
    try (RowReader reader = RowReader.open(data, Splits.pick(eval))) {
      List<SourceLine> lines = reader.next(CHUNK);
      for (; !lines.isEmpty(); lines = reader.next(CHUNK)) {
        survey.add(lines);
        read.accept(survey.rows);
      }
      guesses = reader.guesses();
    }
    survey.bad.check(Math.toIntExact(survey.rows), true, data.data());
    return survey.stats(guesses, data);
  }

  private static @Nullable NearTexts held(DataSettings data, EvalSettings eval) {
    if (eval.evalData() == null && !(eval.evalSplit() instanceof EvalSplit.Named)) {
      return null;
    }
    RowShape shape = RowShape.of(data);
    List<int[]> sample = new ArrayList<>();
    NearTexts known = null;
    Pick pick = Splits.heldPick(eval);
    try (RowReader reader = RowReader.open(Splits.heldData(data, eval), pick)) {
      List<SourceLine> lines = reader.next(CHUNK);
      for (; !lines.isEmpty(); lines = reader.next(CHUNK)) {
        for (SourceLine line : lines) {
          int[] words = words(line, shape);
          if (known != null) {
            known.add(words);
          } else {
            sample.add(words);
            known = sample.size() == NearTexts.SAMPLE ? begun(sample) : null;
          }
        }
      }
    }
    return known == null ? begun(sample) : known;
  }

  private static NearTexts begun(List<int[]> sample) {
    NearTexts known = new NearTexts(sample);
    sample.forEach(known::add);
    return known;
  }

  /// The words of a row; none of a bad one.
  private static int[] words(SourceLine line, RowShape shape) {
    try {
      return NearTexts.words(RowTexts.all(shape.content(Row.parse(line))));
    } catch (BadRowException e) {
      return new int[0];
    }
  }

  private void add(List<SourceLine> lines) {
    List<Finding> all =
        IntStream.range(0, lines.size()).parallel().mapToObj(i -> look(lines.get(i))).toList();
    for (int i = 0; i < all.size(); i++) {
      rows++;
      add(all.get(i), lines.get(i));
    }
  }

  /// What is seen of one row, by any thread.
  private sealed interface Finding {
    record Good(
        Content content,
        Set<String> names,
        int characters,
        int tokens,
        long hash,
        boolean near,
        ContentFlaws look,
        DataShape shape,
        PairFacts pair)
        implements Finding {}

    record Bad(BadRow row) implements Finding {}
  }

  private Finding look(SourceLine line) {
    try {
      Row row = Row.parse(line);
      PreferenceShape preferences = shape.preferences();
      ComparedAnswers compared = preferences == null ? null : preferences.read(row);
      List<Content> contents = compared == null ? List.of(shape.content(row)) : compared.answers();
      Content content = contents.getFirst();
      DataShape looks = compared == null ? content.shape() : compared.shape();
      List<String> texts = contents.stream().flatMap(c -> RowTexts.texts(c).stream()).toList();
      String said = RowTexts.all(content, texts);
      NearTexts known = held;
      return new Finding.Good(
          content,
          row.names(),
          said.codePointCount(0, said.length()),
          tokens(said),
          Mix.of(String.join("\0", texts)),
          known != null && known.near(NearTexts.words(said)),
          ContentFlaws.at(contents),
          looks,
          looks != DataShape.PREFERENCE
              ? PairFacts.NONE
              : PairFacts.of(RowTexts.all(content), RowTexts.all(contents.getLast())));
    } catch (BadRowException e) {
      return new Finding.Bad(line.bad(e));
    }
  }

  private int tokens(String said) throws BadRowException {
    try {
      return tokenizer == null ? 0 : tokenizer.ids(said).length;
    } catch (IllegalArgumentException e) {
      throw new BadRowException(String.valueOf(e.getMessage()), "the text is not Unicode");
    }
  }

  private void add(Finding row, SourceLine line) {
    switch (row) {
      case Finding.Bad broken -> bad.add(broken.row());
      case Finding.Good good -> {
        columns.add(good.content(), good.names());
        pairs = pairs.and(good.pair());
        if (good.content().shape() == good.shape()) { // answers to compare have another
          answers.add(good.content());
        }
        shapes.add(good.content(), good.shape());
        if (good.shape() != DataShape.GROUP) {
          boundaries.add(good.content(), false);
        }
        characters.add(good.characters());
        tokens.add(good.tokens());
        int messages = RowTexts.turns(good.content());
        if (messages > 0) {
          turns.add(messages);
        }
        flaws.add(good.look(), line);
        if (!seen.add(good.hash())) {
          flaws.add(Flaw.DUPLICATES, line.file(), line.number());
        }
        if (good.near()) {
          flaws.add(Flaw.NEAR_DUPLICATES, line.file(), line.number());
        }
      }
    }
  }

  private DataStats stats(List<String> guesses, DataSettings data) {
    return new DataStats(
        rows,
        bad.count(),
        bad.lines(),
        guesses,
        shapes.shapes(),
        boundaries.boundary(),
        boundaries.boundary().advice(data),
        columns.columns(),
        characters.lengths(),
        tokenizer == null ? null : tokens.lengths(),
        turns.count() == 0 ? null : turns.lengths(),
        answers.answers(),
        pairs.pairs() == 0 ? null : pairs,
        flaws);
  }
}
