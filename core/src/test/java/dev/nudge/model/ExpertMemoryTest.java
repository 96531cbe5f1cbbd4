package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.ExpertLoad;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Recompute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.MappedFile;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.stream.LongStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Compares the bytes that a dry pass plans for experts with those of real passes. What a pass
/// takes depends on the routing, and a plan is the worst one, all tokens to the same experts: that
/// pass takes it to the byte, but for the gaps behind pieces of experts.
class ExpertMemoryTest {
  private static final int LAYERS = 2;
  private static final int EXPERTS = 16;
  private static final int N = 128;
  private static final int WIDTH = 64;
  private static final int VOCABULARY = 96;

  /// Behind four pieces of each expert, of 64 bytes.
  private static final long GAPS = EXPERTS * 4 * 64;

  @TempDir private Path temp;

  @ParameterizedTest
  @EnumSource(Recompute.class)
  void aPlanIsWhatThePassTakesInWhichAllTokensChooseTheSame(Recompute level) throws IOException {
    Bytes spread = pass(level, false);
    Bytes same = pass(level, true);
    assertThat(same.planned).isEqualTo(spread.planned);
    DryPasses.TrainParts plan = same.planned;
    boolean kept = level == Recompute.NONE; // what experts saved; else one layer makes it again
    long saved = plan.saved() - (kept ? LAYERS * GAPS : 0);
    long backward = plan.backward() - (kept ? GAPS : 2 * GAPS);
    assertThat(same.taken).isEqualTo(saved + Math.max(plan.head(), backward));
    assertThat(spread.taken).isLessThanOrEqualTo(same.taken);
    assertThat(spread.busy).isGreaterThan(2);
    assertThat(same.busy).isEqualTo(2);
  }

  /// @param busy experts of a layer that have tokens
  private record Bytes(DryPasses.TrainParts planned, long taken, long busy) {}

  private Bytes pass(Recompute level, boolean collapsed) throws IOException {
    try (CausalLm model = TinyLlama.of(config(), Backend.plain(Dtype.F32), 1);
        Scope scope = Scope.open("adapter")) {
      model.reserve(N);
      Lora spec = Lora.of(16, 1, Targets.parse("q_proj,gate_proj,up_proj,down_proj"));
      Adapters.attach(model.modules(), spec, 1, Dtype.F32, 1, scope);
      for (LinearSlot slot : model.slots()) {
        if (collapsed && slot.path().endsWith("mlp.gate")) { // of equals the lower ones
          slot.set(DenseLinear.of(scope.tensor(Dtype.F32, EXPERTS, WIDTH), null));
        }
      }
      model.recompute(Collections.nCopies(LAYERS, level));
      DryPasses.TrainParts parts = model.measured().trainParts(N, N);
      int[] ids = new int[N];
      Arrays.setAll(ids, i -> i * 31 % VOCABULARY);
      Batch b = Batch.largest(N, N);
      MappedFile file = MappedFile.create(temp, parts.offloaded());
      ExpertLoad load = new ExpertLoad(model.config().experts());
      try (Workspace ws = new Workspace(0, parts.peak(), Gemm.plain(), file)) {
        model.train(
            new Batch(ids, b.lengths(), b.keys(), b.rows(), b.targets()),
            null,
            1,
            Dropout.of(1, 1),
            load,
            ws);
        long[][] tokens = new long[LAYERS][EXPERTS];
        load.addTo(tokens);
        return new Bytes(parts, ws.peak(), LongStream.of(tokens[0]).filter(n -> n > 0).count());
      }
    }
  }

  private ModelConfig config() throws IOException {
    Files.writeString(
        temp.resolve("config.json"),
        """
        {"model_type": "qwen3_moe", "hidden_size": %d, "moe_intermediate_size": 64,
         "num_hidden_layers": %d, "num_attention_heads": 4, "num_key_value_heads": 2,
         "head_dim": 16, "num_experts": %d, "num_experts_per_tok": 2, "norm_topk_prob": true,
         "vocab_size": %d, "max_position_embeddings": 256}
        """
            .formatted(WIDTH, LAYERS, EXPERTS, VOCABULARY));
    return ModelConfig.load(temp);
  }
}
