package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.format.SafeTensors;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.Parameter;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Loads tensors that train: what masters and working copies hold, and what is not cached.
class TrainedWeightsTest {
  private static final Path MODEL = Path.of("src/test/resources/golden/llama/biased-sharded/model");

  @Test
  void mastersHoldWhatIsStoredAndCopiesAreRounded() {
    long held = Ledger.bytes();
    Backend backend = Backend.plain(Dtype.BF16);
    ModelConfig config = ModelConfig.load(MODEL);
    try (Scope scope = Scope.open("parameters");
        CausalLm model =
            Checkpoint.load(MODEL, config, backend, Quantization.NONE, Trainable.all(2, scope));
        SafeTensors file = SafeTensors.open(MODEL)) {
      assertThat(model.parameters().stream().map(Parameter::name))
          .containsExactlyElementsOf(config.tensors().keySet());
      for (Parameter p : model.parameters()) {
        Tensor stored = file.tensor(p.name());
        assertThat(p.lanes()).isEqualTo(2);
        assertThat(p.elements()).isEqualTo(stored.elements());
        for (long i = 0; i < stored.elements(); i++) {
          assertThat(p.master().at(i)).isEqualTo(stored.at(i));
          assertThat(p.work().at(i)).isEqualTo(Bf16.toFloat(Bf16.round(stored.at(i))));
          assertThat(p.gradient(1).at(i)).isZero();
        }
      }
      long n = config.parameters();
      assertThat(scope.bytes()).isEqualTo((4 + 2 + 2 * 4) * n);
    }
    assertThat(Ledger.bytes()).isEqualTo(held);
  }

  @ParameterizedTest
  @ValueSource(strings = {"gemma3", "qwen2-tied"})
  void normsThatNobodyTrainedComputeAsOneInAPlanAndInANewFolder(String name, @TempDir Path temp) {
    Path json = Path.of("src/test/resources/golden/families", name, "model/config.json");
    FreshModel fresh = FreshModel.read(json);
    ModelConfig config = fresh.config();
    Path weights = temp.resolve("model.safetensors");
    fresh.write(weights, 1, () -> false);
    Backend backend = Backend.plain(Dtype.F32);
    try (Scope scope = Scope.open("parameters");
        SafeTensors file = SafeTensors.open(temp);
        CausalLm model =
            Checkpoint.random(config, backend, Quantization.NONE, Trainable.all(0, scope), 1)) {
      for (Parameter p : model.parameters()) {
        if (p.name().contains("norm")) {
          for (long i = 0; i < p.elements(); i++) {
            assertThat(p.master().at(i) + config.normOffset()).as(p.name()).isEqualTo(1);
            assertThat(file.tensor(p.name()).at(i)).as(p.name()).isEqualTo(p.master().at(i));
          }
        } else if (p.name().endsWith(".bias")) {
          assertThat(p.master().at(0)).as(p.name()).isZero();
        } else {
          assertThat(p.master().at(0)).as(p.name()).isNotZero();
        }
      }
    }
  }

  @Test
  void aWeightThatTrainsIsNotCached() {
    Backend backend = Backends.orSkip(Compute.FP32);
    ModelConfig config = TinyLlama.config(2, false, false);
    try (Scope scope = Scope.open("parameters");
        CausalLm all =
            Checkpoint.random(config, backend, Quantization.NONE, Trainable.all(1, scope), 1);
        CausalLm head =
            Checkpoint.random(
                config,
                backend,
                Quantization.NONE,
                new Trainable(name -> name.startsWith("lm_head"), 1, scope),
                1)) {
      assertThat(all.packed().bytes(Caches.ALL)).isZero();
      all.packed().keep(Caches.ALL, Set.of());
      assertThat(head.packed().bytes(Caches.HEAD)).isZero();
      assertThat(head.packed().bytes(Caches.ALL)).isPositive();
      head.packed().keep(Caches.ALL, Set.of());
      assertThat(head.parameters()).extracting(Parameter::name).containsExactly("lm_head.weight");
    }
  }
}
