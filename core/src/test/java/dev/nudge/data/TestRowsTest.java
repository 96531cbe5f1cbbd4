package dev.nudge.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Faults;
import dev.nudge.settings.DataSplitSettings;
import dev.nudge.settings.EvalSplit;
import dev.nudge.settings.TestShare;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

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
        read -> {});
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
      write(rows, "0.6:of", out); // and the next call mends it
      assertThat(Cut.of(out)).isEqualTo(Cut.of(folder.resolve("after")));
      assertThat(names(out)).containsExactlyInAnyOrder(TestRows.TRAIN, TestRows.TEST);
    }
    assertThat(n).isGreaterThan(6);
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
