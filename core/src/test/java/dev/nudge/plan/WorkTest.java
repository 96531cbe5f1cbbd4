package dev.nudge.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.DryPasses;
import dev.nudge.model.Quantization;
import dev.nudge.model.Trainable;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Recompute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import java.util.Collections;
import org.junit.jupiter.api.Test;

/// Compares the counted products of a training pass with a formula of its own, for one sequence
/// that is one block of attention, of which all scores are computed.
class WorkTest {
  private static final int D = 96;
  private static final int INNER = 160;
  private static final int LAYERS = 3;
  private static final int Q = 64;
  private static final int K = 32;
  private static final int V = 130;
  private static final int RANK = 4;
  private static final long T = 48;
  private static final long P = 2L * D * Q + 2L * D * K + 3L * D * INNER;
  private static final ModelConfig CONFIG =
      ModelConfig.llama(D, INNER, LAYERS, 4, 2, 16, V, 256, false, 10_000);

  private static long adapter(int in, int out) {
    return RANK * ((long) in + out);
  }

  @Test
  void anAdaptersPassIsAFormula() {
    long adapters =
        2 * adapter(D, Q) + 2 * adapter(D, K) + 3 * adapter(D, INNER); // numbers of a layer's
    long qkv = 2L * D * (Q + 2 * K) * T; // no gradient below the lowest layer
    long qkvAdapters = 2L * RANK * 3 * D * T;
    try (Scope scope = Scope.measuring();
        CausalLm dry = Checkpoint.dry(CONFIG, Backend.plain(Dtype.F32), Quantization.NONE)) {
      Lora spec = Lora.of(RANK, 1, Targets.parse("all-linear"));
      Adapters.attach(dry.modules(), spec, 0, Dtype.F32, 1, scope);
      double kept =
          LAYERS * (4.0 * P * T + 14.0 * Q * T * T + 6.0 * adapters * T) - qkv - qkvAdapters;
      DryPasses.TrainWork work = dry.measured().work(new int[] {(int) T}, 40);
      assertThat(work.layers()).isEqualTo(kept);
      assertThat(work.head()).isEqualTo(4.0 * V * D * 40);

      dry.recompute(Collections.nCopies(LAYERS, Recompute.GATE_UP));
      double gateUp = 4.0 * D * INNER * T + 2 * 2.0 * adapter(D, INNER) * T;
      double down = 2.0 * RANK * INNER * T; // its factor A alone
      assertThat(dry.measured().work(new int[] {(int) T}, 40).layers())
          .isEqualTo(kept + LAYERS * (gateUp + down));
    }
  }

  @Test
  void aPassOfAllWeightsIsAFormula() {
    try (Scope scope = Scope.measuring();
        CausalLm dry =
            Checkpoint.dry(
                CONFIG, Backend.plain(Dtype.F32), Quantization.NONE, Trainable.all(1, scope))) {
      DryPasses.TrainWork work = dry.measured().work(new int[] {(int) T}, 40);
      assertThat(work.layers()).isEqualTo(LAYERS * (6.0 * P * T + 14.0 * Q * T * T));
      assertThat(work.head()).isEqualTo(6.0 * V * D * 40);
    }
  }
}
