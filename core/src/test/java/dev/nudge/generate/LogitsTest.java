package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Holds what settings do to logits before a token is chosen, and what is told of it.
class LogitsTest {
  private static final SamplingSettings GREEDY = SamplingSettings.greedy();
  private static final double BOUND = 1e-12;
  private Scope scope;

  @BeforeEach
  void open() {
    scope = Scope.open("test");
  }

  @AfterEach
  void close() {
    scope.close();
  }

  @Test
  void presenceAndFrequencyCountTheCompletionOnly() {
    Tensor rows = row(3, 2, 1, 0);
    int[] history = {0, 0, 0, 1, 0, 0}; // four are the prompt
    assertThat(next(GREEDY.withPresencePenalty(0.9), rows, history, 4, 6, null)).isEqualTo(0);
    assertThat(next(GREEDY.withPresencePenalty(1.1), rows, history, 4, 6, null)).isEqualTo(1);
    assertThat(next(GREEDY.withPresencePenalty(1.1), rows, history, 6, 6, null)).isEqualTo(0);
    assertThat(next(GREEDY.withFrequencyPenalty(0.4), rows, history, 4, 6, null)).isEqualTo(0);
    assertThat(next(GREEDY.withFrequencyPenalty(0.6), rows, history, 4, 6, null)).isEqualTo(1);
    assertThat(next(GREEDY.withFrequencyPenalty(0.6), rows, history, 4, 5, null)).isEqualTo(0);
    SamplingSettings both = GREEDY.withFrequencyPenalty(0.3).withPresencePenalty(0.5);
    assertThat(next(both, rows, history, 4, 6, null)).isEqualTo(1); // 2 × 0.3 + 0.5
    assertThat(next(GREEDY.withPresencePenalty(-1.1), row(1, 2), new int[] {0}, 0, 1, null))
        .isEqualTo(0);
  }

  @Test
  void aSamplerRemembersNothingOfTheTokenBefore() {
    Tensor rows = row(3, 2, 1, 0);
    Sampler sampler = sampler(GREEDY.withPresencePenalty(1.1).withRepetitionPenalty(1.01));
    assertThat(sampler.next(rows, 0, new int[] {0}, 0, 1, 0, null)).isEqualTo(1);
    assertThat(sampler.next(rows, 0, new int[] {1}, 0, 1, 0, null)).isEqualTo(0);
    assertThat(sampler.next(rows, 0, new int[] {0}, 0, 1, 0, new long[] {1})).isEqualTo(0);
    assertThat(sampler.next(rows, 0, new int[] {1}, 0, 1, 0, null)).isEqualTo(0);
  }

  @Test
  void samplersOfAThreadShareTheirRoom() {
    Sampler.Room room = new Sampler.Room();
    Sampler greedy = new Sampler(GREEDY, id -> false, room);
    Sampler biased =
        new Sampler(GREEDY.withLogitBias(Map.of(2, 9.0)).withMinTokens(9), id -> id == 2, room);
    Sampler hot = new Sampler(GREEDY.withTemperature(1).withTopK(2), id -> false, room);
    Sampler alone = sampler(GREEDY.withTemperature(1).withTopK(2));
    Tensor four = row(3, 2, 1, 0);
    Tensor six = row(0, 1, 2, 3, 4, 5);
    for (int i = 0; i < 50; i++) {
      assertThat(greedy.next(four, 0, new int[0], 0, i)).isEqualTo(0);
      assertThat(biased.next(four, 0, new int[0], 0, 0, i, null)).isEqualTo(0);
      assertThat(greedy.next(six, 0, new int[0], 0, i)).isEqualTo(5);
      int drawn = hot.next(six, 0, new int[0], 0, i);
      assertThat(drawn).isEqualTo(alone.next(six, 0, new int[0], 0, i)).isIn(4, 5);
    }
  }

  @Test
  void aBiasIsAddedBeforePenalties() {
    Tensor rows = row(3, 2, 1, -5);
    SamplingSettings bias = GREEDY.withLogitBias(Map.of(2, 2.5, 0, -1.0));
    assertThat(next(bias, rows, new int[0], 0, 0, null)).isEqualTo(2);
    assertThat(next(bias.withRepetitionPenalty(2), rows, new int[] {2}, 0, 1, null)).isEqualTo(0);
    assertThat(next(GREEDY.withLogitBias(Map.of(3, 100.0)), rows, new int[0], 0, 0, null))
        .isEqualTo(3);
  }

  @Test
  void endsAndStopIdsWaitForTheLeastNumberOfTokens() {
    Tensor rows = row(3, 2, 1, 0);
    SamplingSettings least = GREEDY.withMinTokens(2).withStopId(1);
    int[] history = {3, 3, 2, 2};
    assertThat(next(least, rows, history, 2, 2, null)).isEqualTo(2); // 0 is the end token
    assertThat(next(least, rows, history, 2, 3, null)).isEqualTo(2);
    assertThat(next(least, rows, history, 2, 4, null)).isEqualTo(0);
    // where nothing else may come, it ends
    assertThat(next(least, rows, history, 2, 2, new long[] {0b0011})).isEqualTo(0);
    assertThat(next(least, rows, history, 2, 2, new long[] {0b1011})).isEqualTo(3);
  }

  @Test
  void onlyAllowedTokensComeWhateverIsSet() {
    double[] logits = new double[130];
    Arrays.fill(logits, -40);
    logits[3] = 9;
    logits[70] = -1;
    logits[129] = 2;
    Tensor rows = row(logits);
    SamplingSettings bias = GREEDY.withLogitBias(Map.of(3, 100.0));
    assertThat(next(bias, rows, new int[0], 0, 0, new long[] {0, 1L << 6, 0})).isEqualTo(70);
    assertThat(next(bias, rows, new int[0], 0, 0, new long[] {0, 1L << 6, 2})).isEqualTo(129);
    assertThat(next(bias, rows, new int[0], 0, 0, new long[] {1L << 63})).isEqualTo(63);
    assertThat(next(bias, rows, new int[0], 0, 0, new long[] {~(1L << 3), -1})).isEqualTo(70);
    assertThat(next(bias, rows, new int[0], 0, 0, new long[] {0, -1, -1})).isEqualTo(129);
    // bits beyond the vocabulary are no tokens
    assertThatThrownBy(() -> next(bias, rows, new int[0], 0, 0, new long[] {0, 0, 1L << 5, -1}))
        .isInstanceOf(IllegalArgumentException.class);
    SamplingSettings hot = GREEDY.withTemperature(50);
    for (int i = 0; i < 300; i++) {
      Sampler sampler = sampler(hot);
      int id = sampler.next(rows, 0, new int[0], 0, 0, i, new long[] {1L << 5 | 1L << 9, 1L << 6});
      assertThat(id).isIn(5, 9, 70);
    }
    assertThatThrownBy(() -> next(bias, rows, new int[0], 0, 0, new long[] {0, 0, 0}))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void logprobsAreTheModelsOwnWhateverChooses() {
    Tensor rows = row(1, 3, 2, 3);
    double all = Math.log(Math.exp(1) + 2 * Math.exp(3) + Math.exp(2));
    SamplingSettings settings =
        GREEDY
            .withLogprobs(true)
            .withTopLogprobs(3)
            .withTemperature(0.1)
            .withTopK(1)
            .withLogitBias(Map.of(1, -50.0, 3, -50.0))
            .withPresencePenalty(2);
    Sampler sampler = sampler(settings);
    assertThat(sampler.next(rows, 0, new int[] {2}, 0, 1, 0, new long[] {0b0101})).isEqualTo(0);
    Logprobs told = Objects.requireNonNull(sampler.logprobs());
    assertThat(told.token().id()).isEqualTo(0);
    assertThat(told.token().logprob()).isCloseTo(1 - all, within(BOUND));
    assertThat(told.top().stream().map(Logprobs.Likely::id)).containsExactly(1, 3, 2); // ties by id
    assertThat(told.top().get(0).logprob()).isCloseTo(3 - all, within(BOUND));
    assertThat(told.top().get(2).logprob()).isCloseTo(2 - all, within(BOUND));
    Sampler more = sampler(GREEDY.withLogprobs(true).withTopLogprobs(20));
    more.next(rows, 0, new int[0], 0, 0, 0, null);
    assertThat(Objects.requireNonNull(more.logprobs()).top()).hasSize(4); // there are no more
    Sampler without = sampler(GREEDY);
    without.next(rows, 0, new int[0], 0, 0, 0, null);
    assertThat(without.logprobs()).isNull();
  }

  @Test
  void completionsOfAPromptDrawByThemselvesWhateverTheirNumber() {
    assertThat(Sampler.sequence(5, 0)).isEqualTo(5);
    assertThat(Sampler.sequence(5, 1)).isNotEqualTo(Sampler.sequence(6, 0));
    Tensor rows = row(new double[1000]);
    Sampler sampler = sampler(GREEDY.withTemperature(1));
    assertThat(
            IntStream.range(0, 50)
                .map(i -> sampler.next(rows, 0, new int[0], 0, Sampler.sequence(5, i)))
                .distinct()
                .count())
        .isGreaterThan(40);
  }

  @Test
  void tokensThatTheModelHasNotAreRefused() {
    assertThatThrownBy(() -> next(GREEDY.withStopId(4), row(1, 2, 3, 4), new int[0], 0, 0, null))
        .isInstanceOf(InputException.class)
        .hasMessage("--stop-id names token 4; the model has tokens 0 to 3");
    assertThatThrownBy(() -> GREEDY.withLogitBias(Map.of(9, 1.0, 3, 1.0)).checkTokens(4))
        .hasMessage("--logit-bias names token 9; the model has tokens 0 to 3");
  }

  /// Token 0 is the end token.
  static Sampler sampler(SamplingSettings settings) {
    return new Sampler(settings, id -> id == 0, new Sampler.Room());
  }

  private static int next(
      SamplingSettings settings,
      Tensor rows,
      int[] history,
      int prompt,
      int count,
      long @Nullable [] allowed) {
    return sampler(settings).next(rows, 0, history, prompt, count, 0, allowed);
  }

  private Tensor row(double... logits) {
    Tensor row = scope.tensor(Dtype.F32, 1, logits.length);
    for (int i = 0; i < logits.length; i++) {
      row.put(i, logits[i]);
    }
    return row;
  }
}
