package dev.nudge.eval.sweep;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.eval.sweep.HeldRows.Difference;
import dev.nudge.eval.sweep.SweepFile.Entry;
import dev.nudge.settings.train.TrainSettings;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a sweep's file stands for, and how two settings compare row by row.
class SweepFileTest {
  private static final Map<String, Object> BASE =
      Map.of("model", "M", "data", "rows.jsonl", "steps", 40);

  @TempDir Path temp;

  private static SweepFile file(String kind, Object tried) {
    return SweepFile.of("sweep.yaml", Map.of("base", BASE, kind, tried));
  }

  private static List<String> names(SweepFile file) {
    return file.entries().stream().map(Entry::name).toList();
  }

  @Test
  void aGridIsAllCombinationsTheLastAxisFirst() {
    Map<String, Object> axes = new LinkedHashMap<>();
    axes.put("learning_rate", List.of(1e-5, 3e-4));
    axes.put("rank", List.of(8, 16));
    SweepFile file = file("grid", axes);
    assertThat(names(file))
        .containsExactly(
            "learning_rate=0.00001-rank=8",
            "learning_rate=0.00001-rank=16",
            "learning_rate=0.0003-rank=8",
            "learning_rate=0.0003-rank=16");
    TrainSettings run = file.settings(file.entries().get(1), Path.of("out"));
    assertThat(run.lora().rank()).isEqualTo(16);
    assertThat(run.optimizer().learningRate().value()).isEqualTo(1e-5);
    assertThat(run.output().out()).isEqualTo(Path.of("out", "learning_rate=0.00001-rank=16"));
  }

  @Test
  void anAxisOfRatesMayHaveTheOneThatFits() {
    SweepFile file = file("grid", Map.of("learning_rate", List.of("auto", 5e-3)));
    assertThat(names(file)).containsExactly("learning_rate=auto", "learning_rate=0.005");
    TrainSettings run = file.settings(file.entries().getFirst(), Path.of("out"));
    assertThat(run.optimizer().learningRate().isAuto()).isTrue();
  }

  @Test
  void anEntryReplacesWhatExcludesItsOwn() {
    SweepFile file = file("list", List.of(Map.of("epochs", 2), Map.of("data", "other/b c.jsonl")));
    TrainSettings run = file.settings(file.entries().getFirst(), Path.of("out"));
    assertThat(run.loop().steps()).isNull();
    assertThat(run.loop().epochs()).isEqualTo(2.0);
    assertThat(names(file)).containsExactly("epochs=2", "data=other_b_c.jsonl");
  }

  @Test
  void aSeedDrawsTheSameWithinItsRanges() {
    Map<String, Object> axes = new LinkedHashMap<>();
    axes.put("count", 40);
    axes.put("seed", 3);
    axes.put("learning_rate", Map.of("log", List.of(1e-5, 1e-3)));
    axes.put("dropout", Map.of("uniform", List.of(0, 0.1)));
    axes.put("rank", List.of(4, 8));
    SweepFile file = file("random", axes);
    assertThat(file("random", axes)).isEqualTo(file);
    List<Double> rates =
        file.entries().stream().map(e -> (Double) e.values().get("learning_rate")).toList();
    assertThat(rates).hasSize(40).allMatch(rate -> rate >= 1e-5 && rate <= 1e-3);
    assertThat(rates.stream().filter(rate -> rate < 1e-4).count()).isBetween(10L, 30L);
    assertThat(file.entries())
        .allMatch(e -> (double) requireNonNull(e.values().get("dropout")) <= 0.1);
    assertThat(drawn(file, "learning_rate")).hasSizeGreaterThan(30);
    assertThat(drawn(file, "dropout")).hasSizeGreaterThan(30);
    assertThat(drawn(file, "rank")).containsExactlyInAnyOrder("4", "8");
    axes.put("seed", 4);
    SweepFile other = file("random", axes);
    for (String axis : List.of("learning_rate", "dropout")) {
      assertThat(drawn(other, axis)).isNotEqualTo(drawn(file, axis));
    }
    axes.remove("seed");
    assertThat(file("random", axes)).isEqualTo(file("random", axes)); // without one too
  }

  /// The different values of an axis.
  private static Set<String> drawn(SweepFile file, String axis) {
    return file.entries().stream()
        .map(entry -> String.valueOf(entry.values().get(axis)))
        .collect(Collectors.toSet());
  }

  /// By R: `d <- c(1, -2, 4, 3); n <- c(2, 4, 8, 2); D <- sum(d) / sum(n); e <- sqrt(4/3 * sum((d
  /// - D * n)^2)) / sum(n); D + c(-1, 1) * qt(.975, 3) * e`.
  @Test
  void aDifferenceIsPairedByRowsAndWeighedByTokens() {
    int[] tokens = {2, 4, 8, 2};
    List<String> rows = List.of("a:0", "a:4", "a:5", "b:9");
    HeldRows one = new HeldRows(1, rows, tokens, new double[] {3, 1, 9, 5});
    HeldRows other = new HeldRows(1, rows, tokens, new double[] {2, 3, 5, 2});
    Difference difference = requireNonNull(one.minus(other));
    assertThat(difference.value()).isCloseTo(0.375, within(1e-12));
    double error = Math.sqrt(4.0 / 3 * (0.25 * 0.25 + 3.5 * 3.5 + 1 + 2.25 * 2.25)) / 16;
    assertThat(difference.interval().high()).isCloseTo(0.375 + 3.182446305 * error, within(1e-8));
    assertThat(
            List.of(
                new HeldRows(1, rows, new int[] {2, 4, 8, 3}, other.losses()),
                new HeldRows(1, List.of("a:0", "a:4", "a:5", "c:9"), tokens, other.losses()),
                new HeldRows(1, List.of(), tokens, other.losses())))
        .allMatch(strange -> one.minus(strange) == null);
  }

  @Test
  void lossesOfRowsAreReadAsTheyWereWritten() {
    Path file = temp.resolve(".held/a.json");
    assertThat(HeldRows.read(file)).isNull();
    List<String> rows = List.of("a:3", "b:8");
    new HeldRows(7, rows, new int[] {1, 2}, new double[] {0.1, 1 / 3.0}).write(file);
    HeldRows there = requireNonNull(HeldRows.read(file));
    assertThat(there.step()).isEqualTo(7);
    assertThat(there.rows()).isEqualTo(rows);
    assertThat(there.losses()).containsExactly(0.1, 1 / 3.0);
    assertThat(there.mean()).isCloseTo((0.1 + 1 / 3.0) / 3, within(1e-15));
  }
}
