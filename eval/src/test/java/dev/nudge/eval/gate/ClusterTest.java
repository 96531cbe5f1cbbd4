package dev.nudge.eval.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Seeds;
import dev.nudge.eval.Clusters;
import dev.nudge.eval.Interval;
import dev.nudge.eval.Paired;
import dev.nudge.eval.metric.ExactMatch;
import dev.nudge.eval.run.Aggregation;
import dev.nudge.eval.run.Metric;
import dev.nudge.eval.run.MetricItem;
import dev.nudge.eval.run.TaskScores.Score;
import dev.nudge.eval.run.Units;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Intervals of documents that hang together.
class ClusterTest {
  private static final Metric ACC =
      new Metric("acc", Aggregation.Kind.MEAN, true, ExactMatch.Options.NONE);
  private static final double TRUE = 0.1; // difference of the simulated models

  private static Score score(double[] values, int[] clusters) {
    List<MetricItem> items = new ArrayList<>();
    double sum = 0;
    for (double value : values) {
      items.add(new MetricItem.Value(value));
      sum += value;
    }
    Units units =
        clusters.length == 0
            ? Units.alone(values.length)
            : Units.of(IntStream.of(clusters).boxed().toList());
    return new Score(ACC, "none", sum / values.length, Double.NaN, items, units);
  }

  private static boolean holds(Measured measured, double value) {
    Interval interval = measured.interval(0.95);
    return interval.low() <= value && value <= interval.high();
  }

  /// 40 tables of five questions: all questions of a table are as easy or hard for either model,
  /// mostly by one draw.
  @Test
  void clustersAreCoveredWhereDocumentsTakenAloneAreNot() {
    // one draw that is always the same: any change of the law shows
    assertThat(covered(new Random(1), 100)).containsExactly(94, 71, 96, 65);
  }

  @Test
  @Tag("slow")
  void clustersAreCoveredInAnyDraw() {
    covered(new Random(Seeds.next()), 400);
  }

  /// @return runs whose interval holds the truth: of the difference clustered and alone, then of a
  ///   model
  private static List<Integer> covered(Random random, int runs) {
    int clustered = 0;
    int alone = 0;
    int own = 0;
    int ownAlone = 0;
    for (int run = 0; run < runs; run++) {
      double[] first = new double[200];
      double[] second = new double[200];
      int[] clusters = new int[200];
      for (int cluster = 0; cluster < 40; cluster++) {
        double gain = TRUE + (random.nextBoolean() ? 0.3 : -0.3);
        double[] shared = {random.nextDouble(), random.nextDouble()};
        for (int i = 5 * cluster; i < 5 * cluster + 5; i++) {
          boolean same = random.nextDouble() < 0.8;
          clusters[i] = cluster;
          first[i] = (same ? shared[0] : random.nextDouble()) < 0.5 ? 1 : 0;
          second[i] = (same ? shared[1] : random.nextDouble()) < 0.5 + gain ? 1 : 0;
        }
      }
      Score before = score(first, clusters);
      Score after = score(second, clusters);
      clustered += holds(Measured.difference(before, after), TRUE) ? 1 : 0;
      own += holds(Measured.of(after), 0.5 + TRUE) ? 1 : 0;
      before = score(first, new int[0]);
      after = score(second, new int[0]);
      alone += holds(Measured.difference(before, after), TRUE) ? 1 : 0;
      ownAlone += holds(Measured.of(after), 0.5 + TRUE) ? 1 : 0;
    }
    // of 400 runs at 94 % five standard deviations are 6 %
    assertThat(clustered / (double) runs).isBetween(0.88, 0.99);
    assertThat(own / (double) runs).isBetween(0.88, 0.99);
    assertThat(alone / (double) runs).isLessThan(0.85);
    assertThat(ownAlone / (double) runs).isLessThan(0.85);
    return List.of(clustered, alone, own, ownAlone);
  }

  @Test
  void theErrorIsThatOfTheDeltaMethod() {
    Random random = new Random(Seeds.next());
    int[] clusters = IntStream.range(0, 400).map(i -> i % 80).toArray();
    double[] effects = random.doubles(80).toArray();
    double[] values =
        IntStream.range(0, 400)
            .mapToDouble(i -> 0.7 * effects[i % 80] + 0.3 * random.nextDouble())
            .toArray();
    Interval interval = Measured.of(score(values, clusters)).interval(0.95);
    Clusters sums = new Clusters();
    for (int i = 0; i < 80; i++) {
      sums.add(values[i] + values[i + 80] + values[i + 160] + values[i + 240] + values[i + 320], 5);
    }
    double error = sums.ratio(0).error();
    double half = (interval.high() - interval.low()) / 2;
    assertThat(half / (1.96 * error)).isCloseTo(1, within(0.1));
    assertThat(Measured.of(score(values, clusters)).clusters()).isEqualTo(80);
  }

  @Test
  void fewerThanTwentyClustersShowNothing() {
    double[] first = new double[190];
    double[] second = new double[190];
    java.util.Arrays.fill(second, 0, 150, 1);
    int[] clusters = IntStream.range(0, 190).map(i -> i % 19).toArray();
    Measured few = Measured.difference(score(first, clusters), score(second, clusters));
    assertThat(few.pAbove(0)).isEqualTo(1);
    assertThat(few.interval(0.95).low()).isEqualTo(Double.NEGATIVE_INFINITY);
    int[] enough = IntStream.range(0, 190).map(i -> i % 20).toArray();
    Measured shown = Measured.difference(score(first, enough), score(second, enough));
    assertThat(shown.pAbove(0)).isLessThan(0.001);
    assertThat(shown.documents()).isEqualTo(190);
  }

  @Test
  void clustersOfOneDocumentAreDocuments() {
    double[] first = IntStream.range(0, 50).mapToDouble(i -> i % 2).toArray();
    double[] second = IntStream.range(0, 50).mapToDouble(i -> i % 3 == 0 ? 0 : 1).toArray();
    int[] each = IntStream.range(0, 50).map(i -> 7 * i).toArray();
    Measured own = Measured.difference(score(first, each), score(second, each));
    Measured plain = Measured.difference(score(first, new int[0]), score(second, new int[0]));
    assertThat(own.interval(0.95)).isEqualTo(plain.interval(0.95));
    assertThat(own.clusters()).isZero();
  }

  @Test
  void nothingThatChangedIsKnownAsClustersTellIt() {
    double[] same = IntStream.range(0, 300).mapToDouble(i -> i % 2).toArray();
    int[] clusters = IntStream.range(0, 300).map(i -> i / 5).toArray(); // 60
    Measured measured = Measured.difference(score(same, clusters), score(same, clusters));
    assertThat(measured.interval(0.95).low())
        .isCloseTo(-Interval.wilsonAt(0, 60, 0.95).high(), within(1e-12));
  }

  /// Where all clusters are alike the interval is that of so many shares, at any difference.
  @Test
  void aChangeOfEveryDocumentIsNoMoreThanItsClustersShow() {
    double[] first = new double[100];
    double[] second = new double[100];
    java.util.Arrays.fill(second, 1);
    int[] clusters = IntStream.range(0, 100).map(i -> i / 5).toArray(); // 20
    Interval all =
        Measured.difference(score(first, clusters), score(second, clusters)).interval(0.95);
    List<Boolean> wrong = java.util.Collections.nCopies(20, false);
    List<Boolean> right = java.util.Collections.nCopies(20, true);
    assertThat(all.low()).isCloseTo(Paired.of(wrong, right).interval(0.95).low(), within(1e-9));
    assertThat(all.high()).isEqualTo(1);
  }
}
