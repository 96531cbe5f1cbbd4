package dev.nudge.eval.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.eval.Interval;
import dev.nudge.eval.metric.ExactMatch;
import dev.nudge.eval.run.TaskScores.Score;
import java.util.ArrayList;
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
}
