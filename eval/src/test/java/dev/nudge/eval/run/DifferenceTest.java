package dev.nudge.eval.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Bootstrap.Stratum;
import dev.nudge.eval.Detectable;
import dev.nudge.eval.Interval;
import dev.nudge.eval.Resampled;
import dev.nudge.eval.gate.Measured;
import dev.nudge.eval.metric.ExactMatch;
import dev.nudge.eval.run.TaskScores.Score;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Differences of documents that hang together.
class DifferenceTest {
  private static final Metric ACC =
      new Metric("acc", Aggregation.Kind.MEAN, true, ExactMatch.Options.NONE);

  /// Sixty documents in clusters of three.
  private static Score score(int right) {
    List<MetricItem> items = new ArrayList<>();
    IntStream.range(0, 60).forEach(i -> items.add(new MetricItem.Value(i < right ? 1 : 0)));
    Units units = Units.of(IntStream.range(0, 60).map(i -> i / 3).boxed().toList());
    return new Score(ACC, "none", right / 60.0, Double.NaN, items, units);
  }

  @Test
  void clustersOfWhichNoDocumentChangedAreNotCertainty() {
    Difference same = Difference.of(score(30), score(30));
    assertThat(same.test()).isEqualTo("cluster_bootstrap");
    assertThat(same.value()).isZero();
    double unseen = Interval.wilsonAt(0, 20, 0.95).high();
    assertThat(same.low()).isCloseTo(-unseen, within(1e-12));
    assertThat(same.high()).isCloseTo(unseen, within(1e-12));
    assertThat(same.p()).isEqualTo(1);
  }

  @Test
  void clustersThatAllChangedAreNotCertaintyEither() {
    Difference all = Difference.of(score(0), score(60));
    assertThat(all.value()).isEqualTo(1);
    assertThat(all.low()).isCloseTo(1 - 2 * Interval.wilsonAt(0, 20, 0.95).high(), within(1e-12));
    assertThat(all.high()).isEqualTo(1);
    assertThat(all.fixed()).isEqualTo(60);
    assertThat(all.p()).isLessThan(0.001);
  }

  private static Score alone(Aggregation.Kind kind, double... values) {
    List<MetricItem> items = new ArrayList<>();
    Arrays.stream(values).forEach(v -> items.add(new MetricItem.Value(v)));
    Metric metric = new Metric("rougeL", kind, true, ExactMatch.Options.NONE);
    return new Score(metric, "none", Arrays.stream(values).average().orElseThrow(), 0, items);
  }

  @Test
  void fewDocumentsOrOnesThatAreAllAlikeShowNothingByResampling() {
    double[] before = new double[30];
    double[] after = new double[30];
    for (int i = 0; i < 30; i++) {
      before[i] = 0.1;
      after[i] = i < 15 ? 0.2 : 0.4;
    }
    Difference many =
        Difference.of(alone(Aggregation.Kind.MEAN, before), alone(Aggregation.Kind.MEAN, after));
    assertThat(many.p()).isLessThan(0.001);
    // deviation 0.1 / √30, less a little: 2.80 of it
    assertThat(many.detectable()).isCloseTo(2.8016 * 0.1 / Math.sqrt(30), within(0.001));
    Difference few =
        Difference.of(
            alone(Aggregation.Kind.MEAN, Arrays.copyOf(before, 19)),
            alone(Aggregation.Kind.MEAN, Arrays.copyOf(after, 19)));
    assertThat(few.value()).isPositive();
    Difference alike =
        Difference.of(
            alone(Aggregation.Kind.MEAN, before),
            alone(Aggregation.Kind.MEAN, Arrays.stream(before).map(v -> v + 2).toArray()));
    assertThat(alike.value()).isCloseTo(2, within(1e-12));
    for (Difference unknown : List.of(few, alike)) {
      assertThat(unknown.low()).isNaN();
      assertThat(unknown.high()).isNaN();
      assertThat(unknown.p()).isNaN();
      assertThat(unknown.detectable()).isNaN();
    }
  }

  @Test
  void scoresFromZeroToOneOfWhichNoneChangedAreNotCertainty() {
    double[] values = new double[30];
    Arrays.setAll(values, i -> i / 30.0);
    Score score = alone(Aggregation.Kind.MEAN, values);
    Difference same = Difference.of(score, score);
    assertThat(same.counted()).isFalse();
    assertThat(same.value()).isZero();
    double unseen = Interval.wilsonAt(0, 30, 0.95).high();
    assertThat(same.low()).isCloseTo(-unseen, within(1e-12));
    assertThat(same.high()).isCloseTo(unseen, within(1e-12));
    assertThat(same.p()).isEqualTo(1);
    assertThat(same.detectable()).isNaN();
    // as the gate measures it
    Interval measured = Measured.difference(score, score).interval(0.95);
    assertThat(new Interval(same.low(), same.high())).isEqualTo(measured);
  }

  @Test
  void sumsOverWeightsHaveAnInterval() {
    List<MetricItem> before = new ArrayList<>();
    List<MetricItem> after = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      before.add(new MetricItem.Weighted(0, 10 + i));
      after.add(new MetricItem.Weighted(1 + i % 3, 10 + i));
    }
    Metric kl = new Metric("kl_from_base", Aggregation.Kind.SHARE, false, ExactMatch.Options.NONE);
    double value = Aggregation.of(Aggregation.Kind.SHARE, after).all();
    Difference d =
        Difference.of(
            new Score(kl, "none", 0, Double.NaN, before),
            new Score(kl, "none", value, Double.NaN, after));
    assertThat(d.low()).isPositive().isLessThan(value);
    assertThat(d.high()).isGreaterThan(value);
  }

  @Test
  void sharesSayHowMuchTheyCouldSee() {
    double[] before = new double[200];
    double[] after = new double[200];
    Arrays.fill(before, 0, 100, 1);
    Arrays.fill(after, 10, 140, 1);
    Difference d =
        Difference.of(alone(Aggregation.Kind.MEAN, before), alone(Aggregation.Kind.MEAN, after));
    assertThat(d.fixed()).isEqualTo(40);
    assertThat(d.broken()).isEqualTo(10);
    assertThat(d.detectable()).isEqualTo(Detectable.USUAL.gain(0.25, 200)).isBetween(0.05, 0.15);
  }

  @Test
  void aRareClassThatIsNotDrawnMakesNoResampleWorse() {
    List<MetricItem> right = new ArrayList<>();
    IntStream.range(0, 40).forEach(i -> right.add(new MetricItem.Labels(i, i)));
    Aggregation macro = Aggregation.of(Aggregation.Kind.MACRO_F1, right);
    assertThat(macro.all()).isEqualTo(1);
    Resampled resampled =
        Bootstrap.STANDARD.strata(List.of(new Stratum(1, Bootstrap.alone(40), macro::counted)));
    assertThat(resampled.interval(0.95)).isEqualTo(new Interval(1, 1));
    List<MetricItem> one = new ArrayList<>(right);
    one.set(0, new MetricItem.Labels(0, 1)); // class 0 is missed, class 1 has a false alarm
    double all = Aggregation.of(Aggregation.Kind.MACRO_F1, one).all();
    assertThat(all).isCloseTo((38 + 2 / 3.0) / 40, within(1e-12));
  }
}
