package dev.nudge.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Sequences of a model whose layers have states: their logits do not depend on other sequences,
/// nor on the snapshot from which they began.
class RecurrentEngineTest {
  private static final int BLOCK = Limits.BLOCK;

  private static final class Greedy implements Caller {
    final List<Float> logits = new ArrayList<>();

    @Override
    public int next(Tensor all, int row, int[] ids, int count) {
      int best = Likeliest.of(all, row);
      logits.add((float) all.get(row, best));
      return logits.size() == 9 ? END : best;
    }
  }

  private static int[] prompt(int[] prefix, int shared, int tokens, Random random) {
    int[] prompt = random.ints(tokens, 0, 44).toArray();
    System.arraycopy(prefix, 0, prompt, 0, Math.min(shared, tokens));
    return prompt;
  }

  @ParameterizedTest
  @ValueSource(strings = {"lfm2", "lfm2-biased", "qwen3_5", "qwen3_5-odd", "qwen3_5-moe"})
  void logitsAreThoseOfTheSequenceAlone(String name) {
    long before = Ledger.bytes();
    Path folder = Path.of("src/test/resources/golden/families", name, "model");
    ModelConfig config = ModelConfig.load(folder);
    assertThat(config.recurrent()).isTrue();
    Random random = new Random(Seeds.next());
    int[] prefix = random.ints(300, 0, 44).toArray();
    List<int[]> prompts = new ArrayList<>();
    for (int[] each :
        new int[][] {
          {0, 1},
          {0, 2},
          {0, BLOCK - 1},
          {0, BLOCK},
          {0, BLOCK + 1},
          {300, 2 * BLOCK + 9},
          {300, 2 * BLOCK + 40},
          {2 * BLOCK, 3 * BLOCK + 1},
          {BLOCK + 5, 2 * BLOCK},
          {300, 200}
        }) {
      prompts.add(prompt(prefix, each[0], each[1], random));
    }
    try (CausalLm model = Checkpoint.load(folder, config, Backends.of(Compute.FP32));
        NamedAdapters adapters = new NamedAdapters(model.modules(), model.backend().compute())) {
      model.reserve(256);
      try (Workspace ws = new Workspace(0, 8 << 20, model.backend().gemms().apply(1))) {
        int[] ids = {4, 5, 6, 7, 8};
        int[] lengths = {3, 2};
        int[] pasts = {0, 1};
        int[] rows = {0, 3};
        Batch branched =
            new Batch(ids, lengths, new long[2], rows, new int[2], new double[] {1, 1}, pasts);
        assertThatThrownBy(() -> model.score(branched, new double[2], null, ws))
            .hasMessage("a recurrent layer needs whole sequences, or their states");
      }
      List<List<Float>> alone = new ArrayList<>();
      for (int[] prompt : prompts) {
        try (Engine engine = engine(model, adapters, 8 << 20)) {
          Greedy greedy = new Greedy();
          assertThat(ask(engine, prompt, greedy).times().cached()).isZero();
          alone.add(greedy.logits);
        }
      }
      for (long keyBytes : new long[] {8 << 20, Limits.sequenceBytes(model, 256)}) {
        try (Engine engine = engine(model, adapters, keyBytes)) {
          List<Greedy> among = new ArrayList<>();
          List<Ticket> tickets = new ArrayList<>();
          for (int[] prompt : prompts) {
            among.add(new Greedy());
            tickets.add(engine.submit(prompt, prompt.length + 9, null, among.getLast()));
          }
          tickets.forEach(Ticket::await);
          for (int i = 0; i < prompts.size(); i++) {
            assertThat(among.get(i).logits).as("prompt %d", i).isEqualTo(alone.get(i));
          }
        }
      }
      try (Engine engine = engine(model, adapters, 8 << 20)) {
        int[] first = prompts.get(5);
        ask(engine, first, new Greedy());
        Greedy again = new Greedy();
        assertThat(ask(engine, first, again).times().cached()).isEqualTo(2 * BLOCK);
        assertThat(again.logits).isEqualTo(alone.get(5));
        Greedy longer = new Greedy();
        assertThat(ask(engine, prompts.get(6), longer).times().cached()).isEqualTo(2 * BLOCK);
        assertThat(longer.logits).isEqualTo(alone.get(6));
        Greedy shorter = new Greedy(); // no states are kept behind its first block
        int[] other = Arrays.copyOf(first, BLOCK + 1);
        assertThat(ask(engine, other, shorter).times().cached()).isZero();
        int[] whole = Arrays.copyOf(prefix(random), 2 * BLOCK); // its last token is always read
        assertThat(ask(engine, whole, new Greedy()).times().cached()).isZero();
        assertThat(ask(engine, whole, new Greedy()).times().cached()).isEqualTo(BLOCK);
        int[] shared = prefix(random); // two prompts part behind two blocks, so the third is faster
        List<Integer> cached = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
          int[] tail = prompt(shared, 2 * BLOCK + 9, 4 * BLOCK - 20, random);
          cached.add(ask(engine, tail, new Greedy()).times().cached());
        }
        assertThat(cached).containsExactly(0, 0, 2 * BLOCK);
      }
    }
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  private static int[] prefix(Random random) {
    return random.ints(300, 0, 44).toArray();
  }

  private static Engine engine(CausalLm model, NamedAdapters adapters, long keyBytes) {
    return new Engine(model, adapters, new Limits(2, keyBytes, 256, true));
  }

  private static Ticket ask(Engine engine, int[] prompt, Greedy greedy) {
    Ticket ticket = engine.submit(prompt, prompt.length + 9, null, greedy);
    ticket.await();
    return ticket;
  }
}
