package dev.nudge.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import dev.nudge.data.Packing;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.Examples;
import dev.nudge.model.Batch;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

class BranchesTest {
  private static final Packing.Cost COST = new Packing.Cost(100, 1);

  /// A sequence whose first token names its prompt.
  private static Example row(int name, int prompt, int length) {
    int[] ids = new int[length];
    ids[0] = name;
    return Examples.of(ids, prompt);
  }

  private static int tokens(List<Integer> batch, List<Example> rows) {
    return batch(batch, rows).tokens();
  }

  private static Batch batch(List<Integer> places, List<Example> rows) {
    int[] all = IntStream.range(0, rows.size()).toArray();
    return Batcher.counted(places, all, rows, new Batcher.Factors(null, null), true);
  }

  private static Packing pack(List<Example> rows, int lanes, int budget, int splitFrom) {
    int[] all = IntStream.range(0, rows.size()).toArray();
    return Branches.pack(rows, all, lanes, budget, COST, splitFrom, true);
  }

  @Test
  void aGroupIsOnePromptWithItsCompletions() {
    List<Example> rows =
        List.of(row(1, 5, 8), row(1, 5, 7), row(1, 5, 9), row(2, 5, 7), row(2, 4, 7));
    Batch batch = batch(List.of(0, 1, 2, 3, 4), rows);
    assertThat(batch.lengths()).containsExactly(8, 2, 4, 7, 7);
    assertThat(batch.pasts()).containsExactly(0, 5, 5, 0, 0);
    // of each first answer's token the row is the prompt's last
    assertThat(batch.rows()).containsExactly(4, 5, 6, 4, 8, 4, 10, 11, 12, 18, 19, 24, 25, 26);
    assertThat(batch(List.of(1, 4), rows).pasts()).containsExactly(0, 0);
  }

  @Test
  void rowsWithoutAnAnswerShareNothing() {
    List<Example> rows = List.of(row(1, 5, 5), row(1, 5, 5), row(1, 5, 6));
    assertThat(batch(List.of(0, 1, 2), rows).pasts()).containsExactly(0, 0, 0);
  }

  @Test
  void aGroupIsDividedWhereLanesWouldBeIdle() {
    List<Example> rows = IntStream.range(0, 8).mapToObj(_ -> row(1, 20, 50)).toList();
    assertThat(pack(rows, 1, 1000, Packing.WHOLE).lanes())
        .containsExactly(List.of(List.of(0, 1, 2, 3, 4, 5, 6, 7)));
    assertThat(pack(rows, 2, 1000, Packing.WHOLE).lanes())
        .containsExactly(List.of(List.of(0, 1, 2, 3)), List.of(List.of(4, 5, 6, 7)));
  }

  @RepeatedTest(20)
  void everySequenceIsThereOnceAndBatchesKeepTheirBudget() {
    Random random = new Random(Seeds.next());
    List<Example> rows = new ArrayList<>();
    for (int group = 0; group < 5; group++) {
      int prompt = 1 + random.nextInt(60);
      for (int i = random.nextInt(9); i >= 0; i--) {
        rows.add(row(group, prompt, prompt + 1 + random.nextInt(40)));
      }
    }
    int longest = rows.stream().mapToInt(Example::length).max().orElseThrow();
    int budget = longest + random.nextInt(200);
    int lanes = 1 + random.nextInt(4);
    int splitFrom = random.nextBoolean() ? Packing.WHOLE : 64;
    Packing packing = pack(rows, lanes, budget, splitFrom);
    List<Integer> seen = new ArrayList<>(packing.split());
    for (List<List<Integer>> lane : packing.lanes()) {
      for (List<Integer> batch : lane) {
        seen.addAll(batch);
        assertThat(tokens(batch, rows)).isLessThanOrEqualTo(budget);
      }
    }
    assertThat(seen)
        .containsExactlyInAnyOrderElementsOf(IntStream.range(0, rows.size()).boxed().toList());
    assertThat(packing.split()).allMatch(i -> rows.get(i).length() >= splitFrom);
  }
}
