package dev.nudge.data;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Faults;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.DataSplitSettings;
import dev.nudge.settings.verb.EvalSplit;
import dev.nudge.settings.verb.TestShare;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Takes the rows of a test out, on a disk that fails too.
class TestRowsTest {
  @TempDir Path folder;

  private Path rows() throws IOException {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 200; i++) {
      rows.append("{\"of\": \"group %d\"}\n".formatted(i));
    }
    Path file = folder.resolve("all.jsonl");
    Files.writeString(file, rows.toString());
    return file;
  }

  private static void write(Path rows, String share, Path out) {
    TestRows.write(
        new DataSplitSettings(List.of(rows.toString()), TestShare.parse(share), out, true),
        read -> {},
        () -> false);
  }

  private record Cut(List<String> train, List<String> test) {
    static Cut of(Path out) throws IOException {
      return new Cut(
          Files.readAllLines(out.resolve(TestRows.TRAIN)),
          Files.readAllLines(out.resolve(TestRows.TEST)));
    }
  }

  /// What is left to train on has groups that `--eval-split` holds out, and none of them is tested.
  @Test
  void theTestIsTheOtherEndOfTheHashThatHoldsOut() throws IOException {
    write(rows(), "0.3:of", folder.resolve("out"));
    Cut cut = Cut.of(folder.resolve("out"));
    EvalSplit.Grouped held = new EvalSplit.Grouped(0.2, "of");
    int out = 0;
    for (String line : cut.test()) {
      assertThat(Splits.holdsOut(held, value(line))).as(line).isFalse();
      assertThat(Splits.place(value(line))).isGreaterThanOrEqualTo(0.7);
    }
    for (String line : cut.train()) {
      out += Splits.holdsOut(held, value(line)) ? 1 : 0;
    }
    assertThat(cut.test()).hasSizeBetween(40, 80);
    assertThat(out).isBetween(20, 60);
  }

  private static String value(String line) {
    return line.substring("{\"of\": \"".length(), line.length() - "\"}".length());
  }

  @ParameterizedTest
  @EnumSource(Faults.Kind.class)
  void whereverTheDiskFailsFilesOfTwoSplitsNeverStandTogether(Faults.Kind kind) throws IOException {
    Path rows = rows();
    write(rows, "0.2:of", folder.resolve("before"));
    write(rows, "0.6:of", folder.resolve("after"));
    Set<Cut> whole = Set.of(Cut.of(folder.resolve("before")), Cut.of(folder.resolve("after")));
    boolean met = true;
    int n = 0;
    while (met) {
      n++;
      Path out = folder.resolve("out-" + n);
      write(rows, "0.2:of", out);
      met = Faults.met(kind, n, () -> write(rows, "0.6:of", out));
      Set<String> there = names(out);
      if (there.containsAll(Set.of(TestRows.TRAIN, TestRows.TEST))) {
        assertThat(whole).as("change %d", n).contains(Cut.of(out));
      }
      assertThat(standing(out)).as("change %d", n).containsAnyElementsOf(whole);
      write(rows, "0.6:of", out); // and the next call mends it
      assertThat(Cut.of(out)).isEqualTo(Cut.of(folder.resolve("after")));
      assertThat(names(out)).containsExactlyInAnyOrder(TestRows.TRAIN, TestRows.TEST);
    }
    assertThat(n).isGreaterThan(6);
  }

  /// Every pair of files that can be had, also of those that did not get their names.
  private static Set<Cut> standing(Path out) throws IOException {
    Set<Cut> all = new HashSet<>();
    for (String train : List.of(TestRows.TRAIN, TestRows.TRAIN + ".tmp")) {
      for (String test : List.of(TestRows.TEST, TestRows.TEST + ".tmp")) {
        if (names(out).containsAll(Set.of(train, test))) {
          all.add(
              new Cut(
                  Files.readAllLines(out.resolve(train)), Files.readAllLines(out.resolve(test))));
        }
      }
    }
    return all;
  }

  @Test
  void aRefusedRenameTellsWhereTheNewRowsAre() throws IOException {
    Path rows = rows();
    write(rows, "0.6:of", folder.resolve("after"));
    Pattern told = Pattern.compile("those to train on in (.+), those of the test in (.+)");
    Set<String> seen = new TreeSet<>();
    for (int n = 1; n <= 20; n++) {
      Path out = folder.resolve("out-" + n);
      write(rows, "0.2:of", out);
      Cut before = Cut.of(out);
      Throwable failure = Faults.failure(n, () -> write(rows, "0.6:of", out));
      if (failure == null) {
        assertThat(Cut.of(out)).isEqualTo(Cut.of(folder.resolve("after")));
        continue;
      }
      Matcher where = told.matcher(failure.getMessage());
      if (where.find()) {
        Path train = Path.of(where.group(1));
        Path test = Path.of(where.group(2));
        seen.add(train.getFileName() + " " + test.getFileName());
        assertThat(new Cut(Files.readAllLines(train), Files.readAllLines(test)))
            .isEqualTo(Cut.of(folder.resolve("after")));
      } else {
        assertThat(Cut.of(out)).as("change %d", n).isEqualTo(before);
        assertThat(names(out)).containsExactlyInAnyOrder(TestRows.TRAIN, TestRows.TEST);
      }
    }
    assertThat(seen)
        .containsExactly("train.jsonl.tmp test.jsonl", "train.jsonl.tmp test.jsonl.tmp");
  }

  /// More rows than a buffer holds, so that some reach the disk while others are read.
  @Test
  void aGlobThatMatchesWhatIsWrittenReadsOnlyWhatWasThere() throws IOException {
    Path data = Files.createDirectories(folder.resolve("data"));
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 4000; i++) {
      rows.append("{\"of\": \"group %d\", \"text\": \"%s\"}\n".formatted(i, "x".repeat(80)));
    }
    Files.writeString(data.resolve("all.jsonl"), rows);
    Path out = Files.createDirectories(data.resolve("cut"));
    Files.createFile(out.resolve(".nudge.writer")); // of a killed command
    TestRows.Written written =
        requireNonNull(
            TestRows.write(
                new DataSplitSettings(List.of(data + "/**"), TestShare.parse("0.5:of"), out, false),
                read -> assertThat(read).isLessThanOrEqualTo(4000),
                () -> false));
    assertThat(written.train() + written.test()).isEqualTo(4000);
    assertThat(names(out)).containsExactlyInAnyOrder(TestRows.TRAIN, TestRows.TEST);
  }

  @ParameterizedTest
  @ValueSource(strings = {"train.jsonl.tmp", "test.jsonl.tmp"})
  void whatAKilledCommandLeftIsNotRead(String left) throws IOException {
    rows();
    Path out = Files.createDirectories(folder.resolve("out"));
    Files.writeString(out.resolve(left), "{\"of\": \"group 1\"}\n");
    assertThatThrownBy(() -> write(folder.resolve("**"), "0.2:of", out))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--data reads %s, which --out would write anew; remove it where a killed command left it, or give another --out"
                .formatted(out.resolve(left)));
    assertThat(names(out)).containsExactly(left);
  }

  @ParameterizedTest
  @ValueSource(strings = {"train.jsonl", "test.jsonl"})
  void aFolderOfThatNameIsRefusedAndKept(String name) throws IOException {
    Path inside = folder.resolve("out").resolve(name).resolve("mine.txt");
    Files.createDirectories(inside.getParent());
    Files.writeString(inside, "kept");
    assertThatThrownBy(() -> write(folder.resolve("no such file"), "0.2:of", folder.resolve("out")))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "%s is a folder, which is not replaced; give another --out"
                .formatted(inside.getParent()));
    assertThat(inside).hasContent("kept");
    assertThat(names(folder.resolve("out"))).containsExactly(name);
  }

  /// The folder is made by this run; the file in it is of another that began meanwhile.
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aRefusedSplitLeavesWhatOthersWroteAndElseNothing(boolean others) throws IOException {
    Path rows = rows();
    Path out = folder.resolve("out");
    assertThatThrownBy(
            () ->
                TestRows.write(
                    new DataSplitSettings(
                        List.of(rows.toString()), TestShare.parse("0.2:none"), out, false),
                    read -> {
                      if (others) {
                        other(out.resolve("other.jsonl"));
                      }
                    },
                    () -> false))
        .hasMessageContaining("200 of 200 rows are bad");
    if (others) {
      assertThat(names(out)).containsExactly("other.jsonl");
    } else {
      assertThat(out).doesNotExist();
    }
  }

  /// Both would write the same temporary files, and the one that fails would take the other's.
  @Test
  void twoRunsDoNotWriteIntoOneFolder() throws IOException {
    Path rows = rows();
    Path out = folder.resolve("out");
    TestRows.write(
        new DataSplitSettings(List.of(rows.toString()), TestShare.parse("0.2:of"), out, false),
        read ->
            assertThatThrownBy(() -> write(rows, "0.6:of", out))
                .hasMessageContaining("another nudge process is writing to " + out),
        () -> false);
    assertThat(Cut.of(out).test()).hasSizeBetween(20, 60);
    assertThat(names(out)).containsExactlyInAnyOrder(TestRows.TRAIN, TestRows.TEST);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void whatIsCancelledLeavesNothingAndFilesOfBeforeStay(int chunks) throws IOException {
    Path rows = rows();
    for (Path out : List.of(folder.resolve("new"), folder.resolve("old"))) {
      boolean old = out.endsWith("old");
      if (old) {
        write(rows, "0.6:of", out);
      }
      Cut before = old ? Cut.of(out) : null;
      int[] asked = {0};
      assertThat(
              TestRows.write(
                  new DataSplitSettings(
                      List.of(rows.toString()), TestShare.parse("0.2:of"), out, true),
                  read -> {},
                  () -> asked[0]++ >= chunks))
          .isNull();
      if (old) {
        assertThat(Cut.of(out)).isEqualTo(before);
        assertThat(names(out)).containsExactlyInAnyOrder(TestRows.TRAIN, TestRows.TEST);
      } else {
        assertThat(out).doesNotExist();
      }
    }
  }

  private static void other(Path file) {
    try {
      Files.writeString(file, "kept");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void badRowsAreCountedAlikeInEveryLanguage() throws IOException {
    Path rows = Files.writeString(folder.resolve("bad.jsonl"), "[1]\n".repeat(1200));
    Locale own = Locale.getDefault();
    try {
      Locale.setDefault(Locale.GERMANY);
      assertThatThrownBy(() -> write(rows, "0.2:of", folder.resolve("out")))
          .hasMessageContaining("1,200 of 1,200 rows are bad");
    } finally {
      Locale.setDefault(own);
    }
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right there")
  void aLinkOfThatNameIsNotWrittenThrough() throws IOException {
    Path rows = rows();
    Path out = Files.createDirectories(folder.resolve("out"));
    Path elsewhere = Files.writeString(folder.resolve("elsewhere"), "kept");
    Files.createSymbolicLink(out.resolve(TestRows.TEST), elsewhere);
    write(rows, "0.2:of", out);
    assertThat(elsewhere).hasContent("kept");
    assertThat(new HashSet<>(Cut.of(out).test())).isNotEmpty();
  }

  @Test
  void anOutThatIsAFileIsRefused() throws IOException {
    Path rows = rows();
    assertThatThrownBy(() -> write(rows, "0.2:of", rows))
        .hasMessageContaining("all.jsonl is a file; give another folder");
  }

  private static Set<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      Set<String> names = new TreeSet<>();
      files.forEach(file -> names.add(file.getFileName().toString()));
      return names;
    }
  }
}
