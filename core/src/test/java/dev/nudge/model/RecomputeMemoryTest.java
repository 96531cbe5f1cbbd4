package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Recompute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.MappedFile;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Workspace;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Compares the bytes of a pass at each recompute level with formulas of its own, to the byte, and
/// the dry pass with the real one. All sizes are multiples of the workspace's alignment.
class RecomputeMemoryTest {
  private static final int LAYERS = 3;
  private static final int N = 128;
  private static final int D = 64;
  private static final int INNER = 1024;
  private static final int Q = 64;
  private static final int K = 32;
  private static final int HEADS = 4;
  private static final int RANK = 16;
  private static final int VOCABULARY = 96;
  private static final ModelConfig CONFIG =
      ModelConfig.llama(D, INNER, LAYERS, HEADS, 2, 16, VOCABULARY, 256, true, 10_000);

  @TempDir private Path temp;

  @ParameterizedTest
  @EnumSource(
      value = Dtype.class,
      names = {"BF16", "F32", "F64"})
  void theWorkspaceOfEachLevelIsAFormula(Dtype compute) {
    adapted(
        compute,
        (model, scope) -> {
          for (Recompute level : Recompute.values()) {
            model.recompute(Collections.nCopies(LAYERS, level));
            DryPasses.TrainParts parts = model.measured().trainParts(N, N);
            Bytes b = new Bytes(compute, level);
            assertThat(parts.saved()).as("saved, %s", level).isEqualTo(b.fixed() + b.saved());
            assertThat(parts.peak())
                .as("peak, %s", level)
                .isEqualTo(b.fixed() + b.saved() + Math.max(b.head(), b.backward()));
            assertThat(parts.offloaded())
                .isEqualTo(level == Recompute.OFFLOADED ? LAYERS * b.input() : 0);
          }
        });
  }

  @ParameterizedTest
  @EnumSource(Recompute.class)
  void theRealPassTakesWhatTheDryOneTook(Recompute level) {
    adapted(
        Dtype.F32,
        (model, scope) -> {
          model.recompute(List.of(level, Recompute.NONE, level));
          DryPasses.TrainParts parts = model.measured().trainParts(N, N - 40);
          MappedFile file = MappedFile.create(temp, parts.offloaded());
          try (Workspace ws = new Workspace(0, parts.peak(), Gemm.plain(), file)) {
            model.train(Batch.largest(N, N - 40), 1, Dropout.of(1, 1), ws);
            assertThat(ws.peak()).isEqualTo(parts.peak());
            assertThat(ws.offloadedPeak()).isEqualTo(parts.offloaded());
          }
        });
  }

  private static void adapted(Dtype compute, BiConsumer<CausalLm, Scope> test) {
    try (CausalLm model = TinyLlama.of(CONFIG, Backend.plain(compute), 1);
        Scope scope = Scope.open("adapter")) {
      model.reserve(N);
      Lora spec = Lora.of(RANK, 1, Targets.parse("all-linear"));
      Adapters.attach(model.modules(), spec, 1, compute, 1, scope);
      test.accept(model, scope);
    }
  }

  /// The formulas: c bytes of a number, a of one in the accumulator type.
  private record Bytes(long c, long a, Recompute level) {
    Bytes(Dtype compute, Recompute level) {
      this(compute.bytes(), compute.accumulator().bytes(), level);
    }

    /// Positions, row keys, ids; scratch between products; gradient of the stream; the branch and
    /// the spare buffer.
    long fixed() {
      boolean spare = c != a || !level.keepsMiddle();
      return N * (4 + 8 + 4 + c * INNER + a * D + c * D + (spare ? c * D : 0));
    }

    long input() {
      return N * c * D;
    }

    private long attention() {
      return N * (c * Q + a * HEADS);
    }

    private long projections() {
      return N * (c * Q + 2 * c * K + 4 * c * RANK);
    }

    private long middle() {
      return N * (c * D + a);
    }

    private long mlp() {
      return N * (2 * c * INNER + 3 * c * RANK);
    }

    /// Of all layers; the input of the first is the embedding's output.
    long saved() {
      long rms = N * a;
      long layer =
          switch (level) {
            case NONE -> input() + rms + attention() + projections() + middle() + mlp();
            case GATE_UP -> input() + rms + attention() + projections() + middle();
            case ALL_BUT_ATTENTION -> input() + rms + attention();
            case EVERYTHING -> input() + rms;
            case OFFLOADED -> rms;
          };
      return LAYERS * layer;
    }

    /// What is made again of the highest layer, and dS of the two adapters that wait for an input.
    long backward() {
      long again =
          switch (level) {
            case NONE -> 0;
            case GATE_UP -> mlp();
            case ALL_BUT_ATTENTION -> projections() + middle() + mlp();
            case EVERYTHING, OFFLOADED -> attention() + projections() + middle() + mlp();
          };
      boolean inSpare = c == a && !level.keepsMiddle();
      again -= inSpare ? N * c * D : 0;
      return again + 2 * N * c * RANK;
    }

    /// Targets and log-probabilities; stream, branch and 1/rms of the labelled rows, two gradients;
    /// logits and their log-sum-exp; a pair of rows.
    long head() {
      return N * (4 + 8 + 2 * c * D + a + 2 * a * D + a * VOCABULARY + a) + 2 * D * (c + a);
    }
  }
}
