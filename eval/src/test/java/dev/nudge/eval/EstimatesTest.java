package dev.nudge.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import dev.nudge.Seeds;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class EstimatesTest {

  @Test
  void aPValueIsTheLevelWhoseIntervalEndsAtZero() {
    NormalMixture mixture = NormalMixture.of(0.05, 500);
    Estimate estimate = new Estimate(0.31, 0.1, 700);
    double p = mixture.p(estimate);
    assertThat(mixture.at(p).interval(estimate).low()).isCloseTo(0, within(1e-12));
    assertThat(mixture.pAbove(estimate)).isEqualTo(p);
    assertThat(mixture.pAbove(estimate.times(-1))).isEqualTo(1);
    assertThat(mixture.p(Estimate.NONE)).isEqualTo(1);
    assertThat(mixture.halfWidth(Estimate.NONE)).isInfinite();
  }

  @Test
  void theIntervalIsNarrowestInErrorsNearWhereItIsToBe() {
    NormalMixture mixture = NormalMixture.of(0.05, 1000);
    double best = mixture.halfWidth(new Estimate(0, 1, 1000));
    assertThat(mixture.halfWidth(new Estimate(0, 1, 50))).isGreaterThan(best * 1.5);
    assertThat(mixture.halfWidth(new Estimate(0, 1, 100_000))).isGreaterThan(best * 1.1);
  }

  @Test
  void estimatesOfPartsAreWeightedByWhatTheyKnow() {
    Estimate a = new Estimate(1, 0.1, 100);
    Estimate b = new Estimate(2, 0.2, 50);
    Estimate both = Estimate.pooled(List.of(a, b, Estimate.NONE));
    assertThat(both.value()).isCloseTo(1.2, within(1e-12)); // 4 : 1
    assertThat(both.error()).isCloseTo(1 / Math.sqrt(125), within(1e-12));
    assertThat(both.n()).isEqualTo(150);
    assertThat(a.minus(a).n()).isEqualTo(200);
    assertThat(a.minus(b).error()).isCloseTo(Math.sqrt(0.05), within(1e-12));
    assertThat(a.minus(Estimate.NONE)).isEqualTo(Estimate.NONE);
    assertThat(Estimate.pooled(List.of())).isEqualTo(Estimate.NONE);
  }

  @Test
  void aSampleThatIsAllAlikeHasAnErrorAllTheSame() {
    Clusters all = new Clusters();
    for (int i = 0; i < 100; i++) {
      all.add(1, 1);
    }
    assertThat(all.ratio(0).error()).isZero();
    assertThat(all.ratio(0.25).error()).isCloseTo(0.005, withinPercentage(1)); // √(¼ / 100) / 10
  }

  @Test
  void anIntervalOfARateEndsWhereTheEvidenceReachesItsLimit() {
    BetaMixture mixture = new BetaMixture(1, 1);
    for (long[] sample : new long[][] {{0, 20}, {20, 20}, {3, 200}, {500, 1000}}) {
      Interval interval = mixture.interval(sample[0], sample[1], 0.05);
      if (interval.low() > 0) {
        assertThat(mixture.logEvidence(sample[0], sample[1], interval.low()))
            .isCloseTo(Math.log(20), within(1e-6));
      }
      if (interval.high() < 1) {
        assertThat(mixture.logEvidence(sample[0], sample[1], interval.high()))
            .isCloseTo(Math.log(20), within(1e-6));
      }
      assertThat(sample[0] / (double) sample[1]).isBetween(interval.low(), interval.high());
    }
    assertThat(mixture.interval(0, 0, 0.05)).isEqualTo(new Interval(0, 1));
    assertThat(mixture.interval(0, 20, 0.05).low()).isZero();
    assertThat(mixture.interval(20, 20, 0.05).high()).isEqualTo(1);
  }

  @Test
  void quantilesOfASketchAreWithinOnePercent() {
    Random random = Seeds.random();
    double[] values = new double[5001];
    QuantileSketch all = new QuantileSketch();
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.exp(random.nextGaussian() * 2 - 3);
      all.add(values[i]);
    }
    Arrays.sort(values);
    for (double p : new double[] {0, 0.01, 0.5, 0.95, 0.999, 1}) {
      double exact = values[(int) Math.floor(p * 5000)];
      assertThat(all.quantile(p)).isCloseTo(exact, withinPercentage(1.0001));
      Interval interval = all.interval(p, 0.05);
      assertThat(exact).as("%s", p).isBetween(interval.low(), interval.high());
    }
    assertThat(all.interval(0.5, 0.05).high() / all.interval(0.5, 0.05).low()).isLessThan(1.6);
  }

  @Test
  void aSketchOfFewOrOfZerosSaysSo() {
    QuantileSketch sketch = new QuantileSketch();
    assertThat(sketch.quantile(0.5)).isZero();
    assertThat(sketch.interval(0.5, 0.05)).isEqualTo(new Interval(0, Double.POSITIVE_INFINITY));
    for (int i = 0; i < 100; i++) {
      sketch.add(0);
    }
    assertThat(sketch.quantile(0.5)).isZero();
    assertThat(sketch.interval(0.5, 0.05)).isEqualTo(new Interval(0, 0));
    assertThat(sketch.interval(0.99, 0.05).high()).isInfinite();
  }

  @Test
  void tiesAreDroppedAndBothSidesCountAlike() {
    Wins wins = new Wins(30, 10, 25).plus(Wins.NONE);
    assertThat(wins.p()).isEqualTo(new Wins(10, 30, 0).p()).isLessThan(0.05);
    assertThat(wins.share()).isEqualTo(0.75);
    assertThat(wins.wilson()).isEqualTo(Interval.wilson(30, 40));
    assertThat(wins.interval(0.05).low()).isGreaterThan(0.5);
    assertThat(Wins.NONE.p()).isEqualTo(1);
    assertThat(Wins.NONE.share()).isEqualTo(0.5);
    assertThat(Wins.NONE.wilson()).isEqualTo(new Interval(0, 1));
  }

  @Test
  void aRatioOfFewUnitsSaysNothing() {
    assertThat(SampleRatio.of(new long[] {12, 3}, new double[] {1, 1})).isEqualTo(SampleRatio.NONE);
    assertThat(SampleRatio.of(new long[] {30, 5}, new double[] {1, 0})).isEqualTo(SampleRatio.NONE);
    SampleRatio one = SampleRatio.of(new long[] {600, 400}, new double[] {1, 1});
    assertThat(one.alarm()).isTrue();
    SampleRatio two = SampleRatio.sum(List.of(one, SampleRatio.NONE, one));
    assertThat(two.statistic()).isEqualTo(2 * one.statistic());
    assertThat(two.degrees()).isEqualTo(2);
    assertThat(SampleRatio.of(new long[] {505, 495}, new double[] {1, 1}).alarm()).isFalse();
  }
}
