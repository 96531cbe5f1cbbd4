package dev.nudge.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.settings.train.BitRate;
import dev.nudge.settings.train.PlanSettings;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The laws of many ranks, against known numbers and against runs that are played.
class RankPaceTest {
  private static final BitRate NETWORK = new BitRate(1e10);

  /// The expected maxima of N normal numbers: Harter, Expected values of normal order statistics,
  /// 1961, table 1; beside each how far the law may be off.
  @ParameterizedTest
  @CsvSource({"2, 0.56419, 0.34", "10, 1.53875, 0.06", "100, 2.50759, 0.02", "400, 2.96818, 0.02"})
  void theSlowestIsAsFarAboveTheMeanAsTheTablesSay(int ranks, double known, double off) {
    assertThat(RankPace.slowest(ranks)).isBetween(known, known * (1 + off));
    double[] drawn = RankSimulation.slowest(ranks, new SplittableRandom(7));
    assertThat(Arrays.stream(drawn).average().orElseThrow()).isCloseTo(known, within(0.1));
  }

  @Test
  void ofAnyNumberOfRanksNoMoreThanABoundAreDrawn() {
    double[] most = RankSimulation.slowest(RankSimulation.DRAWN, new SplittableRandom(7));
    assertThat(RankSimulation.slowest(Integer.MAX_VALUE, new SplittableRandom(7))).isEqualTo(most);
  }

  /// @param mtbf hours between two losses of one machine
  @ParameterizedTest
  @CsvSource({
    "2, 5, 1000, 20000000",
    "10, 1, 100, 20000000",
    "1000, 2, 1000, 20000000",
    "1000, 2, 100, 20000000",
    "1000, 0.5, 30, 160000000",
    "10000, 20, 1000, 20000000"
  })
  void aPlayedRunHasTheEfficiencyOfTheLaw(int ranks, double computing, double mtbf, long bytes) {
    RankPace pace = new RankPace(ranks, NETWORK, bytes, null, computing);
    double law = pace.efficiency(ranks) * new RankLosses(ranks, mtbf).kept();
    assertThat(pace.simulated(mtbf)).isCloseTo(law, within(0.03 * law));
  }

  @Test
  void shortTimesAreSeconds() {
    assertThat(new RankLosses(1000, 1).line())
        .contains("every 3.6 seconds, if each is lost once in 1 hour: ")
        .endsWith("(assumed: a checkpoint every 180 s, 60 s to start again)");
    assertThat(new RankLosses(1, 0.02).line())
        .contains("every 72 seconds, if each is lost once in 0.02 hours: ");
  }

  @Test
  void efficiencyFallsInALineWithRareLossesAndToNothingWithMany() {
    RankLosses rare = new RankLosses(100, 1000); // one in ten hours
    assertThat(rare.secondsBetween()).isEqualTo(36_000);
    assertThat(1 - rare.kept()).isCloseTo((60 + 90) / 36_000.0, within(2e-5));
    assertThat(new RankLosses(100_000, 1000).kept()).isLessThan(0.01);
    assertThat(new RankPace(100_000, NETWORK, 1, null, 2.0).simulated(1)).isZero();
    RankPace pace = new RankPace(1000, NETWORK, 20_000_000, null, 2.0);
    List<String> lines = pace.scale(1000);
    assertThat(lines).hasSize(2);
    assertThat(lines.getFirst())
        .startsWith(
            "losses     one of 1,000 machines every 60 minutes, if each is lost once in 1,000");
    assertThat(lines.getLast()).contains(" % of 10, ").contains(" % of 10,000; of 1,000 ");
    assertThat(new RankPace(4, NETWORK, 1, null, null).scale(1000)).hasSize(1);
    assertThatThrownBy(() -> PlanSettings.of(Map.of("model", "7B", "mtbf", 5)))
        .hasMessage("--mtbf is given without --ranks; add it");
  }
}
