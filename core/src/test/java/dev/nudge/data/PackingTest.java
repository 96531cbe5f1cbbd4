package dev.nudge.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.data.Packing.Cost;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PackingTest {
  private static final Cost COST = new Cost(1, 1e-3);

  @Test
  void sequencesGoToLanesByCostAndIntoMicroBatchesByRoom() {
    int[] lengths = {10, 60, 30, 50, 20, 40};
    assertThat(Packing.of(lengths, 1, 100, COST).lanes())
        .containsExactly(List.of(List.of(1, 5), List.of(2, 3, 4), List.of(0)));
    assertThat(Packing.of(lengths, 2, 100, new Cost(1, 0)).lanes())
        .containsExactly(
            List.of(List.of(1, 2), List.of(4)), // 60 + 30 and 20
            List.of(List.of(0, 3, 5))); // 10 + 50 + 40
  }

  @Test
  void fewerSequencesThanLanesLeaveLanesWithoutWork() {
    assertThat(Packing.of(new int[] {5}, 3, 5, COST).lanes())
        .containsExactly(List.of(List.of(0)), List.of(), List.of());
  }

  @Test
  void aSequenceAboveTheBudgetIsRefused() {
    assertThatThrownBy(() -> Packing.of(new int[] {3, 9}, 1, 8, COST))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a sequence of 9 tokens does not fit a micro-batch of 8 tokens");
  }

  @Test
  void randomStepsArePackedWholeWithinTheBudgetAndBalanced() {
    long seed = 4;
    for (int round = 0; round < 2_000; round++) {
      SplittableRandom random = new SplittableRandom(seed + round);
      int[] lengths = new int[1 + random.nextInt(64)];
      Arrays.setAll(lengths, i -> 1 + random.nextInt(1 + random.nextInt(500)));
      int longest = Arrays.stream(lengths).max().orElseThrow();
      int lanes = 1 + random.nextInt(8);
      int budget = longest + random.nextInt(1_000);
      Cost cost = new Cost(random.nextDouble() + 1e-6, random.nextDouble() / 100);
      Packing packing = Packing.of(lengths, lanes, budget, cost);
      assertPacked(packing, lengths, lanes, budget, cost, seed + round);
      assertThat(Packing.of(lengths, lanes, budget, cost)).isEqualTo(packing);
    }
  }

  @Test
  void sequencesThatWouldLeaveLanesWithoutWorkAreCut() {
    Packing one = Packing.of(new int[] {4096}, 2, 4096, COST, 256);
    assertThat(one.split()).containsExactly(0);
    assertThat(one.lanes()).containsExactly(List.of(), List.of());
    Packing two = Packing.of(new int[] {4096, 4096}, 2, 4096, COST, 256);
    assertThat(two.split()).isEmpty();
    Packing three = Packing.of(new int[] {4096, 4096, 4096}, 2, 4096, COST, 256);
    assertThat(three.split()).containsExactly(0);
    assertThat(three.lanes()).containsExactly(List.of(List.of(1)), List.of(List.of(2)));
    Packing oneLong = Packing.of(new int[] {300, 2000, 280}, 2, 4096, COST, 256);
    assertThat(oneLong.split()).containsExactly(1);
    assertThat(oneLong.lanes()).containsExactly(List.of(List.of(0)), List.of(List.of(2)));
  }

  @Test
  void sequencesAboveTheBudgetAreCutAndShortOnesNever() {
    Packing packing = Packing.of(new int[] {900, 900, 100, 100}, 2, 500, COST, 256);
    assertThat(packing.split()).containsExactly(0, 1);
    assertThat(Packing.of(new int[] {255}, 2, 500, COST, 256).split()).isEmpty();
    assertThat(Packing.of(new int[] {900, 10}, 1, 900, COST, 256).split()).isEmpty();
    assertThatThrownBy(() -> Packing.of(new int[] {600, 200}, 2, 500, COST, 700))
        .hasMessage("a sequence of 600 tokens does not fit a micro-batch of 500 tokens");
  }

  private static void assertPacked(
      Packing packing, int[] lengths, int lanes, int budget, Cost cost, long seed) {
    assertThat(packing.lanes()).as("seed %d", seed).hasSize(lanes);
    int[] times = new int[lengths.length];
    double[] load = new double[lanes];
    for (int lane = 0; lane < lanes; lane++) {
      int tokens = 0;
      for (List<Integer> micro : packing.lanes().get(lane)) {
        int held = micro.stream().mapToInt(p -> lengths[p]).sum();
        assertThat(held).as("seed %d", seed).isPositive().isLessThanOrEqualTo(budget);
        assertThat(micro).as("seed %d", seed).isSorted();
        tokens += held;
        for (int position : micro) {
          times[position]++;
          load[lane] += cost.of(lengths[position]);
        }
      }
      // Any two micro-batches together are above the budget, so there are fewer than twice the
      // least.
      int least = Math.ceilDiv(tokens, budget);
      assertThat(packing.lanes().get(lane).size())
          .as("seed %d", seed)
          .isLessThanOrEqualTo(2 * least);
    }
    assertThat(times).as("seed %d", seed).containsOnly(1);
    double most = Arrays.stream(load).max().orElseThrow();
    double fewest = Arrays.stream(load).min().orElseThrow();
    double largest = cost.of(Arrays.stream(lengths).max().orElseThrow());
    assertThat(most - fewest).as("seed %d", seed).isLessThanOrEqualTo(largest * (1 + 1e-9));
  }
}
