package dev.nudge.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BatchesTest {

  private static int[] epoch(Batches batches, int epoch) {
    int steps = batches.stepsPerEpoch();
    return IntStream.range(epoch * steps, (epoch + 1) * steps)
        .flatMap(step -> Arrays.stream(batches.step(step)))
        .toArray();
  }

  @Test
  void theLastStepOfAnEpochIsShort() {
    Batches batches = Batches.of(10, 4, 0, false);
    assertThat(batches.stepsPerEpoch()).isEqualTo(3);
    assertThat(batches.step(0)).containsExactly(0, 1, 2, 3);
    assertThat(batches.step(2)).containsExactly(8, 9);
    assertThat(batches.step(3)).containsExactly(0, 1, 2, 3);
    assertThat(batches.step(5)).containsExactly(8, 9);
    assertThat(batches.epoch(2)).isZero();
    assertThat(batches.epoch(3)).isEqualTo(1);
    assertThat(batches.endsEpoch(2)).isTrue();
    assertThat(batches.endsEpoch(3)).isFalse();
    assertThat(Batches.of(3, 16, 0, true).step(7)).hasSize(3);
  }

  @Test
  void eachEpochTakesEachRowOnceInAnOrderOfItsOwn() {
    Batches batches = Batches.of(101, 8, 7, true);
    int[] first = epoch(batches, 0);
    int[] second = epoch(batches, 1);
    assertThat(first).hasSize(101).doesNotHaveDuplicates();
    assertThat(second).containsExactlyInAnyOrder(first).isNotEqualTo(first);
    assertThat(first).isNotEqualTo(IntStream.range(0, 101).toArray());
    assertThat(epoch(Batches.of(101, 8, 8, true), 0)).isNotEqualTo(first);
  }

  @Test
  void aStepDependsOnSeedAndEpochAlone() {
    Batches one = Batches.of(50, 7, 3, true);
    Batches other = Batches.of(50, 7, 3, true);
    int[] late = other.step(40);
    for (int step = 0; step < 40; step++) {
      assertThat(one.step(step)).isEqualTo(other.step(step));
    }
    assertThat(one.step(40)).isEqualTo(late);
    // The order is part of the run's meaning: it must not change between releases.
    assertThat(Batches.of(8, 8, 0, true).step(0)).containsExactly(2, 5, 0, 3, 4, 6, 1, 7);
    assertThat(Batches.of(8, 8, 1, true).step(2)).containsExactly(1, 0, 5, 3, 6, 7, 4, 2);
  }

  @Test
  void everyRowComesFirstAboutEquallyOften() {
    int[] firsts = new int[10];
    for (int seed = 0; seed < 100; seed++) {
      Batches batches = Batches.of(10, 10, seed, true);
      for (int epoch = 0; epoch < 100; epoch++) {
        firsts[batches.step(epoch)[0]]++;
      }
    }
    // 10,000 draws: 1,000 each, standard deviation 30; five of them.
    assertThat(Arrays.stream(firsts)).allMatch(n -> Math.abs(n - 1_000) < 150);
  }

  @Test
  void epochsMayBeAFraction() {
    Batches batches = Batches.of(100, 10, 0, true);
    assertThat(batches.steps(1)).isEqualTo(10);
    assertThat(batches.steps(0.3)).isEqualTo(3);
    assertThat(batches.steps(0.31)).isEqualTo(4);
    assertThat(batches.steps(2.5)).isEqualTo(25);
    assertThat(batches.steps(1e-9)).isEqualTo(1);
    assertThatThrownBy(() -> batches.steps(1e12))
        .isInstanceOf(InputException.class)
        .hasMessage("--epochs 1.0E12 are more than 2^31 - 1 steps; give fewer");
  }
}
