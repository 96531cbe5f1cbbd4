package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Seeds;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Compares the whole model's gradient with finite differences, in double and plain Java.
class ModelGradientTest {
  @Test
  void gradientEqualsFiniteDifferences() {
    for (double dropout : new double[] {0, 0.3}) {
      check(TinyLlama.config(2, true, false), "all-linear", dropout);
      check(TinyLlama.config(3, false, true), "q_proj,down_proj", dropout);
    }
    check(TinyLlama.config(3, false, true), "/model\\.layers\\.[12]\\..*(k|up)_proj/", 0);
  }

  private static void check(ModelConfig config, String targets, double dropout) {
    long seed = Seeds.next();
    Random random = new Random(seed);
    Backend backend = Backend.plain(Dtype.F64);
    Lora spec = Lora.of(3, 5, Targets.parse(targets)).withDropout(dropout);
    try (CausalLm model = TinyLlama.of(config, backend, seed);
        Scope scope = Scope.open("adapter")) {
      model.reserve(32);
      Adapters adapter = Adapters.attach(model.modules(), spec, seed, Dtype.F64, 1, scope);
      adapter.parameters().forEach(p -> fill(p.master(), random));
      Batch batch = TinyLlama.batch(random, config.vocabSize(), 7, 3, 11);
      Dropout drop = Dropout.of(seed, 3);
      try (Workspace ws = new Workspace(0, model.measured().trainBytes(21, 11), Gemm.plain())) {
        model.train(batch, 1, drop, ws);
        for (Parameter p : adapter.parameters()) {
          for (int i = 0; i < 3; i++) {
            long at = random.nextLong(p.elements());
            double gradient = p.gradient(0).at(at);
            assertThat(difference(model, batch, p, at, drop, ws))
                .describedAs("%s[%d]", p.name(), at)
                .isCloseTo(gradient, within(1e-6 * Math.max(1, Math.abs(gradient))));
          }
        }
      }
    }
  }

  private static double difference(
      CausalLm model, Batch batch, Parameter p, long at, Dropout drop, Workspace ws) {
    double h = 1e-5;
    double x = p.master().at(at);
    p.master().put(at, x + h);
    double above = model.train(batch, 0, drop, ws);
    p.master().put(at, x - h);
    double below = model.train(batch, 0, drop, ws);
    p.master().put(at, x);
    return (above - below) / (2 * h);
  }

  private static void fill(Tensor t, Random random) {
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, 0.3 * random.nextGaussian());
    }
  }
}
