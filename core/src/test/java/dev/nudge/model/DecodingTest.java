package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.KvCache;
import dev.nudge.nn.KvPool;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Compares the logits of decoding with caches, several sequences side by side, with those of whole
/// sequences in one pass.
///
/// Both compute the same sums in another order: fp32 within 1e-5 of the largest logit, double
/// within 1e-12.
class DecodingTest {
  private static final Path LLAMA3 = Path.of("src/test/resources/golden/llama/llama3-rope/model");

  @Test
  void decodingEqualsTheWholePass() {
    for (boolean bias : new boolean[] {false, true}) {
      ModelConfig config = TinyLlama.config(3, !bias, bias);
      try (CausalLm model = TinyLlama.of(config, Backend.plain(Dtype.F64), 5)) {
        compare(model, 1e-12, 1, 3, 16);
      }
      try (CausalLm model = TinyLlama.of(config, Backends.of(Compute.FP32), 6)) {
        compare(model, 1e-5, 1, 3, 16);
      }
    }
    Backend backend = Backends.of(Compute.FP32);
    try (CausalLm model = Checkpoint.load(LLAMA3, ModelConfig.load(LLAMA3), backend)) {
      compare(model, 1e-5, 1, 3, 16);
    }
  }

  /// But those that turn long sequences otherwise: they keep the keys of the short ones.
  @Test
  void decodingEqualsTheWholePassInEveryFamily() throws IOException {
    for (Path folder : GoldenFamilies.models()) {
      ModelConfig config = ModelConfig.load(folder);
      boolean one = !config.turnsAnew(1, 1000);
      if (one) {
        System.out.println(folder);
        try (CausalLm model = Checkpoint.load(folder, config, Backends.of(Compute.FP32))) {
          compare(model, 1e-5, 3);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"dense", "mixture"})
  void decodingEqualsTheWholePassOnNf4WhoseRowsCutBlocks(String name) {
    Path folder = Path.of("src/test/resources/golden/nf4-widths", name, "nf4/model");
    ModelConfig config = ModelConfig.load(folder);
    try (CausalLm model = Checkpoint.load(folder, config, Backends.of(Compute.FP32))) {
      compare(model, 1e-5, 3);
    }
  }

  @Test
  void decodingEqualsTheWholePassOnTheBlocksOfAGgufFile() throws IOException {
    for (Path file : GgufModelTest.mixed()) {
      try (CausalLm model =
          Checkpoint.load(file, ModelConfig.load(file), Backends.of(Compute.FP32))) {
        compare(model, 1e-5, 3);
      }
    }
  }

  /// Over a cache of its own a sequence, and over pools; blocks that hold a whole sequence give the
  /// same bits.
  private static void compare(CausalLm model, double bound, int... blockSizes) {
    long seed = Seeds.next();
    double[] alone = compare(model, bound, seed, 0);
    for (int blockSize : blockSizes) {
      compare(model, bound, seed, blockSize);
    }
    assertThat(compare(model, bound, seed, 64)).isEqualTo(alone);
  }

  /// @param blockSize of a pool with just the blocks that are needed; 0: no pool
  /// @return all logits
  private static double[] compare(CausalLm model, double bound, long seed, int blockSize) {
    Random random = new Random(seed);
    int vocabulary = model.config().vocabSize();
    int[] lengths = {1, 9, 23, 50, 2};
    int[] prompts = {1, 4, 22, 17, 1};
    int most = 50;
    model.reserve(most);
    int[][] ids =
        Arrays.stream(lengths)
            .mapToObj(n -> random.ints(n, 0, vocabulary).toArray())
            .toArray(int[][]::new);
    int[] flat = Arrays.stream(ids).flatMapToInt(Arrays::stream).toArray();
    List<KvCache> caches = new ArrayList<>();
    List<Double> all = new ArrayList<>();
    int size = blockSize == 0 ? most : blockSize;
    int blocks = Arrays.stream(lengths).map(n -> Math.ceilDiv(n, size)).sum();
    long bytes = model.measured().prefillBytes(flat.length, lengths.length, most, size);
    long before = Ledger.bytes();
    try (Scope scope = Scope.open("test");
        KvPool pool = model.pool(blocks, size);
        Workspace ws = new Workspace(0, bytes, model.backend().gemms().apply(1))) {
      Tensor whole = scope.tensor(Dtype.F64, flat.length, vocabulary);
      try (Workspace large = new Workspace(0, 16 << 20, model.backend().gemms().apply(1))) {
        Batch rows = new Batch(flat, lengths, new long[lengths.length], new int[0], new int[0]);
        copy(model.logits(rows, large), whole);
      }
      double largest =
          IntStream.range(0, (int) whole.elements())
              .mapToDouble(i -> Math.abs(whole.at(i)))
              .max()
              .orElse(0);
      List<KvPool> pools = new ArrayList<>();
      int[] fed = new int[lengths.length];
      for (int i = 0; i < lengths.length; i++) {
        KvPool own = blockSize == 0 ? model.pool(1, lengths[i]) : pool;
        pools.add(own);
        caches.add(own.cache());
      }
      double worst = 0;
      int checked = 0;
      while (true) {
        // the prompts in one pass, then a token or two of each sequence that goes on
        int[] now = IntStream.range(0, lengths.length).filter(i -> fed[i] < lengths[i]).toArray();
        if (now.length == 0) {
          break;
        }
        int[] news =
            Arrays.stream(now)
                .map(
                    i ->
                        fed[i] == 0
                            ? prompts[i]
                            : Math.min(lengths[i] - fed[i], 1 + random.nextInt(2)))
                .toArray();
        List<Integer> tokens = new ArrayList<>();
        List<KvCache> their = new ArrayList<>();
        for (int k = 0; k < now.length; k++) {
          for (int t = 0; t < news[k]; t++) {
            tokens.add(ids[now[k]][fed[now[k]] + t]);
          }
          their.add(caches.get(now[k]));
        }
        Tensor logits = next(model, tokens.stream().mapToInt(i -> i).toArray(), news, their, ws);
        for (int k = 0; k < now.length; k++) {
          fed[now[k]] += news[k];
          int row = Arrays.stream(lengths, 0, now[k]).sum() + fed[now[k]] - 1;
          for (int v = 0; v < vocabulary; v++) {
            worst = Math.max(worst, Math.abs(logits.get(k, v) - whole.get(row, v)));
            all.add(logits.get(k, v));
          }
          checked++;
        }
      }
      System.out.printf("%d rows within %.1e of the largest logit%n", checked, worst / largest);
      assertThat(worst / largest).isLessThan(bound);
      caches.forEach(KvCache::close);
      pools.forEach(KvPool::close);
      assertThat(pool.free()).isEqualTo(blocks);
    }
    assertThat(Ledger.bytes()).isEqualTo(before);
    return all.stream().mapToDouble(logit -> logit).toArray();
  }

  /// Two sequences with the same 35 tokens at their start, of which 32 lie in blocks of both.
  @ParameterizedTest
  @EnumSource(
      value = Compute.class,
      names = {"FP32", "BF16"})
  void aSharedPrefixGivesTheBitsOfASequenceAlone(Compute compute) {
    Backend backend = Backends.orSkip(compute);
    int[] ids = new Random(Seeds.next()).ints(60, 0, 37).toArray();
    try (CausalLm model = TinyLlama.of(TinyLlama.config(3, false, true), backend, 5);
        KvPool pool = model.pool(20, 16);
        Workspace ws =
            new Workspace(
                0, model.measured().prefillBytes(35, 1, 60, 16), backend.gemms().apply(1));
        KvCache alone = pool.cache();
        KvCache first = pool.cache()) {
      model.reserve(60);
      List<Double> expected = decode(model, alone, ids, 35, ws);
      List<Double> before = decode(model, first, Arrays.copyOf(ids, 40), 35, ws);
      int free = pool.free();
      try (KvCache fork = pool.cache(first.full(34))) {
        assertThat(fork.length()).isEqualTo(32);
        assertThat(pool.free()).isEqualTo(free);
        KvCache again = pool.cache();
        decode(model, again, Arrays.copyOf(ids, 32), 32, ws);
        int[] other = new Random(Seeds.next()).ints(60, 0, 37).toArray();
        System.arraycopy(ids, 0, other, 0, 35);
        assertThat(decode(model, fork, other, 3, ws)).isEqualTo(decode(model, again, other, 3, ws));
        again.close();
      }
      before.addAll(decode(model, first, ids, 1, ws));
      assertThat(before).isEqualTo(expected);
    }
  }

  /// Feeds what the cache does not hold yet, `prompt` tokens at once and then one at a time.
  private static List<Double> decode(
      CausalLm model, KvCache cache, int[] ids, int prompt, Workspace ws) {
    List<Double> all = new ArrayList<>();
    for (int n = prompt; cache.length() < ids.length; n = 1) {
      int from = cache.length();
      int[] now = Arrays.copyOfRange(ids, from, from + n);
      Tensor logits = next(model, now, new int[] {n}, List.of(cache), ws);
      for (int v = 0; v < logits.cols(); v++) {
        all.add(logits.get(0, v));
      }
    }
    return all;
  }

  @ParameterizedTest
  @EnumSource(
      value = Compute.class,
      names = {"FP32", "BF16"})
  void theDryStepOverBlocksTakesWhatTheRealOneTakes(Compute compute) {
    Backend backend = Backends.orSkip(compute);
    for (int blockSize : new int[] {3, 16, 64}) {
      try (CausalLm model = TinyLlama.of(TinyLlama.config(2, true, false), backend, 5);
          KvPool pool = model.pool(200, blockSize);
          KvCache one = pool.cache();
          KvCache other = pool.cache()) {
        model.reserve(100);
        List<KvCache> both = List.of(one, other);
        try (Workspace ws = new Workspace(0, 8 << 20, backend.gemms().apply(1))) {
          next(model, new int[99 + 96], new int[] {96, 99}, both, ws);
        }
        long bytes = model.measured().prefillBytes(5, 2, 100, blockSize);
        try (Workspace ws = new Workspace(0, bytes, backend.gemms().apply(1))) {
          next(model, new int[5], new int[] {4, 1}, both, ws);
          assertThat(ws.peak()).as("blocks of %d", blockSize).isEqualTo(bytes);
        }
      }
    }
  }

  /// A step that cannot have its blocks changes nothing; it comes again when another has ended.
  @Test
  void aStepThatThePoolHasNoBlocksForCanComeAgain() {
    Backend backend = Backends.of(Compute.FP32);
    try (CausalLm model = TinyLlama.of(TinyLlama.config(2, true, false), backend, 5);
        KvPool pool = model.pool(3, 4);
        Workspace ws =
            new Workspace(0, model.measured().prefillBytes(8, 2, 8, 4), backend.gemms().apply(1));
        KvCache one = pool.cache();
        KvCache other = pool.cache()) {
      model.reserve(8);
      next(model, new int[8], new int[] {4, 4}, List.of(one, other), ws);
      int[] next = {1, 2};
      assertThatThrownBy(() -> next(model, next, new int[] {1, 1}, List.of(one, other), ws))
          .isInstanceOf(KvPool.Exhausted.class)
          .hasMessageStartingWith(
              "too little KV cache: a sequence needs 1 more of its blocks of 4 positions, 0 of 3");
      assertThat(one.length()).isEqualTo(4);
      one.close();
      next(model, new int[] {2}, new int[] {1}, List.of(other), ws);
      assertThat(other.length()).isEqualTo(5);
    }
  }

  /// The logits after the last new token of each sequence.
  private static Tensor next(
      CausalLm model, int[] ids, int[] lengths, List<KvCache> caches, Workspace ws) {
    int[] none = new int[lengths.length];
    Arrays.fill(none, -1);
    int[] all = IntStream.range(0, lengths.length).toArray();
    try (Team team = new Team(1)) {
      return model.inference().prefill(Prefill.of(ids, lengths, caches, none, all), ws, team);
    }
  }

  private static void copy(Tensor from, Tensor to) {
    for (int r = 0; r < from.rows(); r++) {
      for (int c = 0; c < from.cols(); c++) {
        to.set(r, c, from.get(r, c));
      }
    }
  }
}
