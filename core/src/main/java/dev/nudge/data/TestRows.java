package dev.nudge.data;

import dev.nudge.data.rows.BadRowException;
import dev.nudge.data.rows.BadRows;
import dev.nudge.data.rows.Row;
import dev.nudge.data.rows.RowReader;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.data.source.Pick;
import dev.nudge.data.source.SourceFiles;
import dev.nudge.format.Claim;
import dev.nudge.format.LinesFile;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.DataSplitSettings;
import dev.nudge.settings.verb.TestShare;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/// Splits a test set off a data set, into a file of its own, before anything is trained.
///
/// A row is in the test set if the hash of its column's value, or of the whole row, lies in the
/// highest part of all hashes, so it stays there when rows are added, moved or removed. `train
/// --eval-split` holds out by the lowest part of the same hash ([Splits]), so it finds groups of
/// its own in the rest: its rows choose the best adapter and are no test set.
public final class TestRows {
  /// Name of the file with the training rows.
  public static final String TRAIN = "train.jsonl";

  /// Name of the file with the test rows.
  public static final String TEST = "test.jsonl";

  private static final int CHUNK = 512;

  private final List<String> files;
  private final TestShare share;
  private final BadRows bad = new BadRows();
  private int train;
  private int test;

  private TestRows(List<String> files, TestShare share) {
    this.files = files;
    this.share = share;
  }

  /// Number of rows in each file.
  public record Written(int train, int test) {}

  /// Writes both files; a folder has one writer at a time. The old files stay until both new ones
  /// are complete on disk. From then on the new rows are whole at every moment, and a process
  /// killed while it renames the files leaves no train file beside the test file of another split.
  ///
  /// @param read receives the number of rows read so far
  /// @param cancelled asked between rows; if true, nothing is left behind and old files stay
  /// @return null if cancelled
  /// @throws InputException if a file cannot be read, a row is malformed or lacks the column, or
  ///     one of the two files would be empty
  /// @throws RunException if the disk refuses; the message says where complete rows are
  public static @Nullable Written write(
      DataSplitSettings settings, LongConsumer read, BooleanSupplier cancelled) {
    Path out = settings.out();
    OutFolder.checkPlace(out);
    LinesFile.checkFree(settings.out(), List.of(TRAIN, TEST), settings.overwrite());
    // once, before files are made that a glob may match
    List<SourceFiles.Found> sources = SourceFiles.of(settings.data(), Pick.TRAIN);
    checkSources(sources, out);
    boolean made = !Files.exists(out);
    TestRows rows = new TestRows(settings.data(), settings.test());
    try (Claim _ = Claim.in(out);
        LinesFile kept = LinesFile.create(out.resolve(TRAIN));
        LinesFile test = LinesFile.create(out.resolve(TEST))) {
      if (!rows.read(sources, kept, test, read, cancelled)) {
        return null;
      }
      kept.complete();
      test.complete();
      place(kept, test);
      made = false;
    } finally {
      if (made) {
        OutFolder.deleteEmpty(out);
      }
    }
    return new Written(rows.train, rows.test);
  }

  private static void checkSources(List<SourceFiles.Found> sources, Path out) {
    for (String name : List.of(TRAIN, TEST)) {
      Path file = out.resolve(name);
      Path beside = LinesFile.beside(file);
      for (SourceFiles.Found source : sources) {
        if (OutFolder.same(source.file(), file)) {
          throw new InputException(
              "--data reads %s, which --out would replace; give another --out".formatted(file));
        }
        if (OutFolder.same(source.file(), beside)) {
          throw new InputException(
              "--data reads %s, which --out would write anew; remove it where a killed command left it, or give another --out"
                  .formatted(beside));
        }
      }
    }
  }

  private static void place(LinesFile kept, LinesFile held) {
    kept.removeOld(); // a train file has rows of the other split's test: none while that changes
    kept.stay();
    held.stay();
    try {
      held.place();
      kept.place();
    } catch (RunException e) {
      throw new RunException(
          "%s; the new rows are complete: those to train on in %s, those of the test in %s"
              .formatted(e.getMessage(), kept.where(), held.where()),
          e);
    }
  }

  /// Reads all rows; false: it was cancelled.
  private boolean read(
      List<SourceFiles.Found> sources,
      LinesFile kept,
      LinesFile held,
      LongConsumer read,
      BooleanSupplier cancelled) {
    try (RowReader reader = RowReader.of(sources)) {
      List<SourceLine> lines = reader.next(CHUNK);
      for (; !lines.isEmpty(); lines = reader.next(CHUNK)) {
        if (cancelled.getAsBoolean()) {
          return false;
        }
        for (SourceLine line : lines) {
          add(line, kept, held);
        }
        read.accept((long) train + test + bad.count());
      }
    }
    String source = BadRows.name(files);
    int all = train + test + bad.count();
    if (all == 0) {
      bad.check(0, false, files);
    }
    if (bad.count() > 0) {
      boolean one = bad.count() == 1;
      throw new InputException(
          String.format(
              Locale.ROOT,
              "%s: %,d of %s %s bad, and nothing is written; mend %s%s",
              source,
              bad.count(),
              Count.of(all, "row"),
              one ? "is" : "are",
              one ? "it" : "them",
              share.column() == null ? "" : ", or give another column"),
          bad.lines());
    }
    if (train == 0 || test == 0) {
      throw new InputException(
          "--test %s takes %s of %s of %s; give another share%s"
              .formatted(
                  share,
                  test == 0 ? "none" : "all",
                  Count.of(all, "row"),
                  source,
                  share.column() == null ? "" : ", or a column with more values"));
    }
    return !cancelled.getAsBoolean();
  }

  private void add(SourceLine line, LinesFile kept, LinesFile held) {
    try {
      Row row = Row.parse(line);
      String column = share.column();
      String value = column == null ? line.text() : row.text(column);
      // JSON over several lines: inside a text no line ends as it stands
      String text = line.text().replace('\n', ' ').replace('\r', ' ').strip();
      if (Splits.place(value) >= 1 - share.share()) {
        held.add(text);
        test++;
      } else {
        kept.add(text);
        train++;
      }
    } catch (BadRowException e) {
      bad.add(line.bad(e));
    }
  }
}
