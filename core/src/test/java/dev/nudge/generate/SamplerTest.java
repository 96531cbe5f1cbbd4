package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Compares what tokens are drawn with against transformers (`src/test/reference/sampling.py`), and
/// holds the draws to their seed.
class SamplerTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/sampling.json");
  // both compute in double
  private static final double BOUND = 1e-12;
  private static final int[] NONE = {};

  @Test
  void probabilitiesEqualTransformers() throws IOException {
    for (JsonNode c : new ObjectMapper().readTree(Files.readString(GOLDEN)).get("cases")) {
      JsonNode s = c.get("settings");
      SamplingSettings settings =
          SamplingSettings.greedy()
              .withTemperature(s.path("temperature").asDouble())
              .withTopP(s.path("top_p").asDouble(1))
              .withTopK(s.path("top_k").asInt(0))
              .withMinP(s.path("min_p").asDouble(0))
              .withRepetitionPenalty(s.path("repetition_penalty").asDouble(1));
      int[] history = c.get("history").valueStream().mapToInt(JsonNode::asInt).toArray();
      double[] expected =
          c.get("probabilities").valueStream().mapToDouble(JsonNode::asDouble).toArray();
      try (Scope scope = Scope.open("test")) {
        Tensor logits =
            row(scope, c.get("logits").valueStream().mapToDouble(JsonNode::asDouble).toArray());
        Sampler sampler = LogitsTest.sampler(settings);
        assertThat(sampler.probabilities(logits, 0, history, history.length))
            .as(s.toString())
            .containsExactly(expected, within(BOUND));
        double[] counted = new double[expected.length];
        int draws = 20_000;
        for (int i = 0; i < draws; i++) {
          counted[sampler.next(logits, 0, history, history.length, i)] += 1.0 / draws;
        }
        for (int i = 0; i < counted.length; i++) {
          // five standard deviations of a share
          double most = 1e-9 + 5 * Math.sqrt(expected[i] * (1 - expected[i]) / draws);
          assertThat(counted[i]).as("%s, token %d", s, i).isCloseTo(expected[i], within(most));
        }
      }
    }
  }

  @Test
  void greedyTakesTheFirstOfTheLargestAndHeedsThePenalty() {
    try (Scope scope = Scope.open("test")) {
      Tensor logits = row(scope, -1, 3, 3, 2.9);
      assertThat(LogitsTest.sampler(settings(0, 1, 0)).next(logits, 0, NONE, 0, 0)).isEqualTo(1);
      Sampler penalised = LogitsTest.sampler(settings(0, 1.2, 0));
      assertThat(penalised.next(logits, 0, new int[] {1, 2, 0}, 1, 0)).isEqualTo(2);
      assertThat(penalised.next(logits, 0, new int[] {1, 2, 0}, 2, 0)).isEqualTo(3);
      Tensor negative = row(scope, -1, -1.1, -3);
      assertThat(penalised.next(negative, 0, new int[] {0}, 1, 0)).isEqualTo(1);
    }
  }

  @Test
  void aDrawDependsOnSeedSequenceAndPlaceOnly() {
    try (Scope scope = Scope.open("test")) {
      Tensor alone = row(scope, new double[50]);
      Tensor batch = scope.tensor(Dtype.F64, 3, 50);
      Sampler one = LogitsTest.sampler(settings(1, 1, 7));
      Sampler other = LogitsTest.sampler(settings(1, 1, 7));
      int[] drawn = IntStream.range(0, 200).map(i -> one.next(alone, 0, NONE, 0, i)).toArray();
      for (int i = 199; i >= 0; i--) { // another order, another row of a batch
        assertThat(other.next(batch, i % 3, NONE, 0, i)).isEqualTo(drawn[i]);
      }
      Sampler seed = LogitsTest.sampler(settings(1, 1, 8));
      int[] history = new int[300];
      assertThat(IntStream.range(0, 200).map(i -> seed.next(alone, 0, NONE, 0, i)).toArray())
          .isNotEqualTo(drawn);
      assertThat(
              IntStream.range(0, 200)
                  .map(i -> one.next(alone, 0, history, i, 3))
                  .distinct()
                  .count())
          .isGreaterThan(40);
    }
  }

  private static SamplingSettings settings(double temperature, double penalty, long seed) {
    return SamplingSettings.greedy()
        .withTemperature(temperature)
        .withRepetitionPenalty(penalty)
        .withSeed(seed);
  }

  private static Tensor row(Scope scope, double... logits) {
    Tensor row = scope.tensor(Dtype.F64, 1, logits.length);
    for (int i = 0; i < logits.length; i++) {
      row.put(i, logits[i]);
    }
    return row;
  }
}
