package dev.nudge.bench.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeersTest {
  @TempDir Path folder;

  @Test
  void theFactorsOfARatioMultiplyToIt() {
    Factors f = Factors.of(6, 1.5, 1.25);
    assertThat(f.kernels()).isCloseTo(3.2, within(1e-12));
    assertThat(f).hasToString("6.00 = padding 1.50 × recomputation 1.25 × kernels 3.20");
  }

  @Test
  void paddingIsThatOfTheStepsAfterTheFirst() {
    assertThat(EqualRows.padding(List.of(9, 1, 2, 4, 3, 3), 2, 3))
        .isCloseTo((8 + 6) / 12.0, within(1e-12));
  }

  @Test
  void aCallGoesOnWhereItWasCut() throws IOException {
    Path file = folder.resolve("rows.jsonl");
    FinishedRows first = FinishedRows.open(file, "--length 256", "abc", "boot");
    first.row("a", () -> Map.of("x", 1));
    Files.writeString(file, Files.readString(file) + "\n{\"call\": \"cut");
    FinishedRows second = FinishedRows.open(file, "--length 256", "abc", "boot");
    assertThat(second.call()).isEqualTo(first.call());
    assertThat(second.resumedRows()).isEqualTo(1);
    assertThat(second.row("a", () -> Map.of("x", 2))).containsEntry("x", 1);
  }

  @Test
  void anotherCommitMachineOrWorkBeginsAnew() {
    Path file = folder.resolve("rows.jsonl");
    FinishedRows.open(file, "--length 256", "abc", "boot").row("a", () -> Map.of("x", 1));
    for (List<String> other :
        List.of(
            List.of("--length 1024", "abc", "boot"),
            List.of("--length 256", "abd", "boot"),
            List.of("--length 256", "abc", "reboot"))) {
      assertThat(FinishedRows.open(file, other.get(0), other.get(1), other.get(2)).resumedRows())
          .isZero();
    }
  }

  @Test
  void anEndedCallIsNotResumed() {
    Path file = folder.resolve("rows.jsonl");
    FinishedRows first = FinishedRows.open(file, "", "abc", "boot");
    first.row("a", () -> Map.of("x", 1));
    first.end();
    assertThat(FinishedRows.open(file, "", "abc", "boot").resumedRows()).isZero();
  }

  @Test
  void aSideComesBackFromItsRow() {
    Side side = new Side(List.of(1.0, 3.0), List.of(2.0), 10, 20, 5, 6, "");
    assertThat(Side.of(side.values())).isEqualTo(side);
    assertThat(side.median()).isEqualTo(2);
    assertThat(Side.failed("does not fit in 20.00 GiB", 1, 2).tooLarge()).isTrue();
  }
}
