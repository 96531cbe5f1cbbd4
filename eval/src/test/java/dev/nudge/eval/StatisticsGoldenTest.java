package dev.nudge.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import dev.nudge.format.Json;
import java.nio.file.Path;
import org.apache.commons.numbers.gamma.LogGamma;
import org.apache.commons.numbers.gamma.RegularizedGamma;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// Compares with what scipy says (`statistics.py`). Tolerances: some units in the last place of a
/// sum of logarithms that large.
class StatisticsGoldenTest {
  private static final JsonNode GOLDEN =
      Json.read(Path.of("src/test/resources/golden/statistics.json"));

  private static double at(JsonNode row, int i) {
    return row.get(i).asDouble();
  }

  @Test
  void functionsAreScipys() {
    for (JsonNode row : GOLDEN.get("log_gamma")) {
      assertThat(LogGamma.value(at(row, 0)))
          .isCloseTo(at(row, 1), within(1e-13 * Math.max(1, Math.abs(at(row, 1)))));
    }
    for (JsonNode row : GOLDEN.get("gamma_above")) {
      assertThat(RegularizedGamma.Q.value(at(row, 0), at(row, 1)))
          .isCloseTo(at(row, 2), withinPercentage(1e-9));
    }
    for (JsonNode row : GOLDEN.get("log_beta_below")) {
      assertThat(Special.logBetaBelow(at(row, 0), at(row, 1), at(row, 2)))
          .as(row.toString())
          .isCloseTo(at(row, 3), within(1e-9 * Math.max(1, Math.abs(at(row, 3)))));
    }
  }

  @Test
  void sampleRatioIsThePearsonTest() {
    for (JsonNode row : GOLDEN.get("chi_square")) {
      long[] counts = row.get(0).valueStream().mapToLong(JsonNode::asLong).toArray();
      double[] weights = row.get(1).valueStream().mapToDouble(JsonNode::asDouble).toArray();
      SampleRatio ratio = SampleRatio.of(counts, weights);
      assertThat(ratio.statistic()).isCloseTo(at(row, 2), within(1e-9));
      assertThat(ratio.p()).isCloseTo(at(row, 3), withinPercentage(1e-8));
    }
  }

  @Test
  void evidenceIsTheAveragedLikelihood() {
    for (JsonNode row : GOLDEN.get("evidence")) {
      BetaMixture mixture = new BetaMixture(at(row, 0), at(row, 1));
      long hits = row.get(2).asLong();
      long n = row.get(3).asLong();
      assertThat(mixture.logEvidence(hits, n, at(row, 4))).isCloseTo(at(row, 5), within(1e-9));
      assertThat(mixture.logEvidenceAbove(hits, n, at(row, 4)))
          .as(row.toString())
          .isCloseTo(at(row, 6), within(1e-8));
    }
  }

  @Test
  void chancesAndLossesAreIntegrals() {
    for (JsonNode row : GOLDEN.get("posterior")) {
      Posterior a = Posterior.of(row.get(0).asLong(), row.get(1).asLong());
      Posterior b = Posterior.of(row.get(2).asLong(), row.get(3).asLong());
      assertThat(b.above(a)).as(row.toString()).isCloseTo(at(row, 4), within(1e-8));
      assertThat(b.expectedLoss(a)).as(row.toString()).isCloseTo(at(row, 5), within(1e-8));
    }
  }

  @Test
  void halfWidthsAreThoseOfTheAsymptoticSequence() {
    for (JsonNode row : GOLDEN.get("margin")) {
      NormalMixture mixture = new NormalMixture(at(row, 0), at(row, 1));
      double n = at(row, 2);
      Estimate ofDeviationOne = new Estimate(0, 1 / Math.sqrt(n), n);
      assertThat(mixture.halfWidth(ofDeviationOne)).isCloseTo(at(row, 3), withinPercentage(1e-9));
    }
    for (JsonNode row : GOLDEN.get("best_rho_squared")) {
      // ours is the approximation that drconfseq uses
      assertThat(NormalMixture.of(at(row, 0), at(row, 1)).rhoSquared())
          .isCloseTo(at(row, 2), withinPercentage(15));
    }
  }

  @Test
  void theRatioHasTheErrorOfTheDeltaMethod() {
    for (JsonNode row : GOLDEN.get("clusters")) {
      Clusters clusters = new Clusters();
      Clusters half = new Clusters();
      for (int i = 0; i < row.get(0).size(); i++) {
        double x = row.get(0).get(i).asDouble();
        double w = row.get(1).get(i).asDouble();
        Clusters part = i % 2 == 0 ? clusters : half;
        part.add(x - 1, 1); // a unit's first answer, and then all of its
        part.move(x - 1, 1, x, w);
      }
      clusters.merge(half);
      Estimate ratio = clusters.ratio(0);
      assertThat(ratio.value()).isCloseTo(at(row, 2), within(1e-12));
      assertThat(ratio.error()).isCloseTo(at(row, 3), within(1e-12));
      assertThat(clusters.units()).isEqualTo(row.get(0).size());
    }
  }

  @Test
  void holmsAreAdjustedInOrder() {
    for (JsonNode row : GOLDEN.get("holm")) {
      double[] p = row.get(0).valueStream().mapToDouble(JsonNode::asDouble).toArray();
      double[] adjusted = row.get(1).valueStream().mapToDouble(JsonNode::asDouble).toArray();
      assertThat(Holm.adjusted(p)).containsExactly(adjusted, within(1e-15));
    }
  }

  @Test
  void studentsDistributionIsScipys() {
    assertThat(GOLDEN.get("student").size()).isEqualTo(8);
    for (JsonNode row : GOLDEN.get("student")) {
      assertThat(StudentT.outside(at(row, 0), at(row, 1)))
          .as(row.toString())
          .isCloseTo(at(row, 2), withinPercentage(1e-6));
    }
    assertThat(GOLDEN.get("student_quantile").size()).isEqualTo(7);
    for (JsonNode row : GOLDEN.get("student_quantile")) {
      assertThat(StudentT.quantile(at(row, 0), at(row, 1)))
          .as(row.toString())
          .isCloseTo(at(row, 2), within(1e-7));
    }
    double normal = StudentT.quantile(0.975, Double.POSITIVE_INFINITY);
    assertThat(normal).isCloseTo(1.959963984540054, within(1e-9));
    assertThat(StudentT.quantile(0.975, 1e58)).isEqualTo(normal);
    assertThat(StudentT.quantile(0.975, 0.9e8)).isCloseTo(normal, within(1e-6));
    assertThat(StudentT.outside(normal, Double.POSITIVE_INFINITY)).isCloseTo(0.05, within(1e-9));
    assertThat(StudentT.outside(-2.5, 2)).isEqualTo(StudentT.outside(2.5, 2));
  }
}
