package dev.nudge.data;

import dev.nudge.data.source.Pick;
import dev.nudge.data.source.SourceFiles;
import dev.nudge.format.LinesFile;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.Count;
import dev.nudge.settings.DataSplitSettings;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.TestShare;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.LongConsumer;

/// Takes the rows of a test out of a data set before anything is trained, into a file of their own.
///
/// A row is in the test where the hash of its column's value, or of the whole row, lies in the
/// highest part of all hashes, so it stays there when rows are added, moved or left out. `train
/// --eval-split` holds out by the lowest part of the same hash ([Splits]), and so finds groups of
/// its own in what is left: its rows choose the best adapter and are no test.
public final class TestRows {
  /// The file of the rows to train on.
  public static final String TRAIN = "train.jsonl";

  /// The file of the test.
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

  /// How many rows each file has.
  public record Written(int train, int test) {}

  /// Writes both files. Those of before stay until both are complete; who is killed while they are
  /// put in place leaves one of the two at most, never one of each split.
  ///
  /// @param read told how many rows were read so far
  /// @throws InputException where a file cannot be read, a row is none or lacks the column, or one
  ///     of the two files would be empty
  public static Written write(DataSplitSettings settings, LongConsumer read) {
    Path out = settings.out();
    Path train = out.resolve(TRAIN);
    Path test = out.resolve(TEST);
    OutFolder.checkPlace(out);
    checkFree(settings, train, test);
    boolean made = !Files.exists(out);
    TestRows rows = new TestRows(settings.data(), settings.test());
    OutFolder.make(out);
    try (LinesFile kept = LinesFile.create(train);
        LinesFile held = LinesFile.create(test)) {
      rows.read(kept, held, read);
      kept.complete();
      held.complete();
      remove(train); // so that a kill never leaves files of two splits
      remove(test);
      held.place();
      kept.place();
      made = false;
    } finally {
      if (made) {
        remove(out);
      }
    }
    return new Written(rows.train, rows.test);
  }

  private static void checkFree(DataSplitSettings settings, Path train, Path test) {
    for (Path file : List.of(train, test)) {
      if (Files.exists(file) && !settings.overwrite()) {
        throw new InputException(
            file + " is there already; give another --out, or --overwrite to replace it");
      }
      for (SourceFiles.Found source : SourceFiles.of(settings.data(), Pick.TRAIN)) {
        if (OutFolder.same(source.file(), file)) {
          throw new InputException(
              "--data reads %s, which --out would replace; give another --out".formatted(file));
        }
      }
    }
  }

  private static void remove(Path file) {
    try {
      OutFolder.delete(file);
    } catch (IOException e) {
      throw new RunException("cannot remove " + file + ": " + OutFolder.reason(e), e);
    }
  }

  private void read(LinesFile kept, LinesFile held, LongConsumer read) {
    try (RowReader reader = RowReader.open(files)) {
      List<SourceLine> lines = reader.next(CHUNK);
      for (; !lines.isEmpty(); lines = reader.next(CHUNK)) {
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
          "%s: %,d of %s %s bad, and nothing is written; mend %s%s"
              .formatted(
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
