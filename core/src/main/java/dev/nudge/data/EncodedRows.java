package dev.nudge.data;

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
import dev.nudge.data.rows.SeenShapes;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.data.rows.UsedColumns;
import dev.nudge.data.tokens.Concatenation;
import dev.nudge.data.tokens.CutRows;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.TokenTableBuilder;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.DataShape;
import dev.nudge.settings.verb.EvalSplit;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/// Reads and tokenises rows in chunks on all processors, with a result that does not depend on
/// their number.
final class EncodedRows {
  private static final int CHUNK = 512;

  private EncodedRows() {}

  private sealed interface Outcome {
    record Good(
        RowEncoder.Sequences sequences,
        RowShape.Content content,
        DataShape shape,
        Set<String> names,
        ContentFlaws look,
        boolean held)
        implements Outcome {}

    record Bad(BadRow row) implements Outcome {}
  }

  /// @param table where the tokens go, in the order of the rows
  /// @param bytes of the data files
  /// @param watch told after each chunk
  /// @throws dev.nudge.settings.InputException where a file cannot be read, or a row is bad and bad
  ///     rows are not set aside, or no row is good
  static RowFacts read(
      Dataset.Reading reading,
      RowEncoder encoder,
      TokenTableBuilder table,
      long bytes,
      TokenCache.Watch watch) {
    DataSettings data = reading.data();
    Flaws flaws = reading.flaws();
    RowShape shape = RowShape.of(data, reading.rows());
    BadRows bad = new BadRows();
    UsedColumns.Tally columns = new UsedColumns.Tally(shape);
    SeenShapes.Tally shapes = new SeenShapes.Tally();
    PromptBoundary.Tally boundaries = new PromptBoundary.Tally();
    CutRows cut = CutRows.none(encoder.maxLength());
    int rows = 0;
    long read = 0; // characters, about as many as bytes
    BitSet grouped = new BitSet();
    Concatenation texts = new Concatenation(encoder.maxLength());
    Concatenation heldTexts = new Concatenation(encoder.maxLength());
    List<String> guesses;
    List<Integer> starts;
    try (RowReader reader = RowReader.open(data, reading.pick())) {
      List<SourceLine> lines = reader.next(CHUNK);
      for (; !lines.isEmpty(); lines = reader.next(CHUNK)) {
        List<Outcome> outcomes = outcomes(lines, shape, encoder, reading);
        for (int i = 0; i < lines.size(); i++) {
          switch (outcomes.get(i)) {
            case Outcome.Good good -> {
              columns.add(good.content(), good.names());
              shapes.add(good.content(), good.shape());
              if (good.shape().single()) {
                boundaries.add(good.content(), good.sequences().sharesToken());
              }
              if (flaws == null || flaws.add(good.look(), lines.get(i))) {
                if (encoder.concatenates(good.content())) {
                  Example text = good.sequences().examples().getFirst();
                  (good.held() ? heldTexts : texts).add(text).forEach(table::add);
                } else {
                  good.sequences().examples().forEach(table::add);
                }
                cut = cut.and(good.sequences().loss(), good.sequences().examples().size());
                grouped.set(lines.get(i).index(), good.held());
              }
            }
            case Outcome.Bad row -> bad.add(row.row());
          }
        }
        rows += lines.size();
        read += lines.stream().mapToLong(line -> line.text().length() + 1L).sum();
        watch.read(rows, table.tokens(), Math.min(0.99, (double) read / Math.max(1, bytes)));
      }
      texts.rest().forEach(table::add);
      heldTexts.rest().forEach(table::add);
      watch.read(rows, table.tokens(), 1);
      List<String> notes = new ArrayList<>(reader.guesses());
      notes.addAll(texts.said());
      notes.addAll(heldTexts.said());
      guesses = List.copyOf(notes);
      starts = List.copyOf(reader.starts());
    }
    bad.check(rows, data.skipBadRows(), data.data());
    return new RowFacts(
        bad.count(),
        cut,
        columns.columns(),
        shapes.shapes(),
        shapes.system(),
        boundaries.boundary(),
        List.copyOf(guesses),
        starts,
        grouped,
        flaws == null ? null : flaws.seen());
  }

  private static List<Outcome> outcomes(
      List<SourceLine> lines, RowShape shape, RowEncoder encoder, Dataset.Reading reading) {
    return IntStream.range(0, lines.size())
        .parallel()
        .mapToObj(i -> outcome(lines.get(i), shape, encoder, reading))
        .toList();
  }

  private static Outcome outcome(
      SourceLine line, RowShape shape, RowEncoder encoder, Dataset.Reading reading) {
    try {
      Row row = Row.parse(line);
      PreferenceShape preferences = shape.preferences();
      ComparedAnswers compared = preferences == null ? null : preferences.read(row);
      List<RowShape.Content> contents =
          compared == null ? List.of(shape.content(row)) : compared.answers();
      RowShape.Content first = contents.getFirst();
      EvalSplit.Grouped groups = reading.groups();
      return new Outcome.Good(
          compared == null ? encoder.encode(first, line) : encoder.encode(compared, line),
          first,
          compared == null ? first.shape() : compared.shape(),
          row.names(),
          reading.flaws() == null ? ContentFlaws.NOTHING : ContentFlaws.at(contents),
          groups != null && Splits.holdsOut(groups, row.text(groups.column())));
    } catch (BadRowException e) {
      return new Outcome.Bad(line.bad(e));
    }
  }
}
