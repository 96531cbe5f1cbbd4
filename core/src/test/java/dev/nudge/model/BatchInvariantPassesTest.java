package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.KvCache;
import dev.nudge.nn.KvPool;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Passes of generation: a sequence has the same bits alone and beside others, however its prompt
/// is cut and however many of its tokens come at once; and they are the numbers of a whole pass.
class BatchInvariantPassesTest {
  private static final int PROMPT = 150;
  private static final int ALL = 171;
  private static final int BLOCK = 64;

  static Stream<Arguments> models() throws IOException {
    List<Arguments> all = new ArrayList<>();
    for (Path folder : GoldenFamilies.models()) {
      if (!ModelConfig.load(folder).turnsAnew(1, ALL)) {
        all.add(Arguments.of(folder, Compute.FP32));
        all.add(Arguments.of(folder, Compute.BF16));
      }
    }
    return all.stream();
  }

  @ParameterizedTest
  @MethodSource("models")
  void aSequenceHasTheSameBitsAloneAndAmongOthers(Path folder, Compute compute) {
    ModelConfig config = ModelConfig.load(folder);
    Random random = new Random(Seeds.next());
    int[] ids = random.ints(ALL, 0, config.vocabSize()).toArray();
    int[] others = random.ints(ALL, 0, config.vocabSize()).toArray();
    try (CausalLm model = Checkpoint.load(folder, config, Backends.orSkip(compute));
        Team one = new Team(1);
        Team several = new Team(2 + random.nextInt(2));
        KvPool pool = model.pool(40, BLOCK);
        Workspace ws =
            new Workspace(
                0,
                Math.max(
                    model.measured().decodeBytes(32, 8),
                    model.measured().prefillBytes(400, 8, 400, BLOCK)),
                model.backend().gemms().apply(1));
        Workspace second =
            new Workspace(
                Math.max(
                        model.measured().decodeBytes(32, 8),
                        model.measured().prefillBytes(400, 8, 400, BLOCK))
                    + random.nextInt(3) * model.measured().attendBytes(400),
                model.backend().gemms().apply(1),
                several)) {
      model.reserve(ALL);
      float[][] alone = alone(model, ids, pool, ws, one);
      model.askAhead(0); // reads ahead, changes nothing
      float[][] mixed = mixed(model, ids, others, pool, second, several, random);
      for (int i = 0; i < alone.length; i++) {
        assertThat(mixed[i]).as("after token %d", PROMPT + i).isEqualTo(alone[i]);
      }
      int[] all = {ids.length};
      Batch batch = new Batch(ids, all, new long[1], new int[0], new int[0]);
      try (Workspace whole = new Workspace(0, 16 << 20, model.backend().gemms().apply(1))) {
        Tensor logits = model.logits(batch, whole);
        double largest = 0;
        for (int i = 0; i < alone.length; i++) {
          for (int t = 0; t < logits.cols(); t++) {
            largest = Math.max(largest, Math.abs(logits.get(PROMPT - 1 + i, t)));
          }
        }
        if (compute == Compute.BF16 && config.hasExperts()) {
          return; // a router whose scores differ by rounding may choose others
        }
        double bound = compute == Compute.FP32 ? 1e-5 : 0.05;
        for (int i = 0; i < alone.length; i++) {
          for (int t = 0; t < logits.cols(); t++) {
            assertThat((double) alone[i][t])
                .isCloseTo(logits.get(PROMPT - 1 + i, t), within(bound * largest));
          }
        }
      }
    }
  }

  /// The prompt at once, then a token at a time.
  private static float[][] alone(CausalLm model, int[] ids, KvPool pool, Workspace ws, Team team) {
    List<float[]> all = new ArrayList<>();
    try (KvCache cache = pool.cache()) {
      int[] base = {-1};
      int[] prompt = Arrays.copyOf(ids, PROMPT);
      int[] length = {PROMPT};
      Prefill whole = Prefill.of(prompt, length, List.of(cache), base, new int[1]);
      all.add(row(model.inference().prefill(whole, ws, team), 0));
      for (int at = PROMPT; at < ALL; at++) {
        int[] next = {ids[at]};
        all.add(
            row(model.inference().decode(next, new int[] {1}, List.of(cache), base, ws, team), 0));
      }
    }
    return all.toArray(float[][]::new);
  }

  /// The prompt in pieces beside pieces of others, then several tokens at a time beside others'.
  private static float[][] mixed(
      CausalLm model,
      int[] ids,
      int[] others,
      KvPool pool,
      Workspace ws,
      Team team,
      Random random) {
    List<float[]> all = new ArrayList<>();
    try (KvCache cache = pool.cache();
        KvCache first = pool.cache();
        KvCache last = pool.cache()) {
      int[] base = {-1, -1, -1};
      List<KvCache> caches = List.of(first, cache, last);
      for (int at = 0; at < PROMPT; ) {
        int piece = Math.min(PROMPT - at, BLOCK * (1 + random.nextInt(2)));
        int[] lengths = {1 + random.nextInt(20), piece, 1 + random.nextInt(5)};
        int[] flat = flat(others, lengths, ids, at);
        Tensor logits =
            model
                .inference()
                .prefill(Prefill.of(flat, lengths, caches, base, new int[] {1, 2}), ws, team);
        at += piece;
        if (at == PROMPT) {
          all.add(row(logits, 0));
        }
      }
      for (int at = PROMPT; at < ALL; ) {
        int piece = Math.min(ALL - at, 1 + random.nextInt(6));
        int[] lengths = {1 + random.nextInt(2), piece, 1 + random.nextInt(3)};
        Tensor logits =
            model
                .inference()
                .decode(flat(others, lengths, ids, at), lengths, caches, base, ws, team);
        for (int i = 0; i < piece; i++) {
          all.add(row(logits, lengths[0] + i));
        }
        at += piece;
      }
    }
    return all.toArray(float[][]::new);
  }

  private static int[] flat(int[] others, int[] lengths, int[] ids, int at) {
    int[] flat = new int[Arrays.stream(lengths).sum()];
    System.arraycopy(others, 0, flat, 0, lengths[0]);
    System.arraycopy(ids, at, flat, lengths[0], lengths[1]);
    System.arraycopy(others, 30, flat, lengths[0] + lengths[1], lengths[2]);
    return flat;
  }

  private static float[] row(Tensor logits, int row) {
    float[] copy = new float[logits.cols()];
    for (int i = 0; i < copy.length; i++) {
      copy[i] = (float) logits.get(row, i);
    }
    return copy;
  }
}
