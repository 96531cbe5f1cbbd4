package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.machine.Backend;
import dev.nudge.nn.KvCache;
import dev.nudge.settings.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
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
        compare(model, 1e-12);
      }
      try (CausalLm model = TinyLlama.of(config, Backends.of(Compute.FP32), 6)) {
        compare(model, 1e-5);
      }
    }
    Backend backend = Backends.of(Compute.FP32);
    try (CausalLm model = Checkpoint.load(LLAMA3, ModelConfig.load(LLAMA3), backend)) {
      compare(model, 1e-5);
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
          compare(model, 1e-5);
        }
      }
    }
  }

  private static void compare(CausalLm model, double bound) {
    long seed = Seeds.next();
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
    long bytes = model.nextBytes(flat.length, lengths.length, most);
    try (Scope scope = Scope.open("test");
        Workspace ws = new Workspace(0, bytes, model.backend().gemms().apply(1))) {
      Tensor whole = scope.tensor(Dtype.F64, flat.length, vocabulary);
      try (Workspace large = new Workspace(0, 64 << 20, model.backend().gemms().apply(1))) {
        Batch all = new Batch(flat, lengths, new long[lengths.length], new int[0], new int[0]);
        copy(model.logits(all, large), whole);
      }
      double largest =
          IntStream.range(0, (int) whole.elements())
              .mapToDouble(i -> Math.abs(whole.at(i)))
              .max()
              .orElse(0);
      int[] fed = new int[lengths.length];
      for (int i = 0; i < lengths.length; i++) {
        caches.add(model.cache(lengths[i]));
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
        Tensor logits = model.next(tokens.stream().mapToInt(i -> i).toArray(), news, their, ws);
        for (int k = 0; k < now.length; k++) {
          fed[now[k]] += news[k];
          int row = Arrays.stream(lengths, 0, now[k]).sum() + fed[now[k]] - 1;
          for (int v = 0; v < vocabulary; v++) {
            worst = Math.max(worst, Math.abs(logits.get(k, v) - whole.get(row, v)));
          }
          checked++;
        }
      }
      System.out.printf("%d rows within %.1e of the largest logit%n", checked, worst / largest);
      assertThat(worst / largest).isLessThan(bound);
    } finally {
      caches.forEach(KvCache::close);
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
