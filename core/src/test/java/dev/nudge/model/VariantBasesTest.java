package dev.nudge.model;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.ExactComponents;
import dev.nudge.Logits;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.PeftFiles;
import dev.nudge.adapter.init.Initialization;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.StoredLinear;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.train.AdapterInit;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// DoRA, biases of B and PiSSA on bases in every quantised form: they begin, compute and train as
/// on a dense base of the numbers that the codes stand for.
class VariantBasesTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path LLAMA = GOLDEN.resolve("llama/llama3-rope/model");
  private static final int STEPS = 3;
  private static final double RATE = 1e-3;

  /// Of 1 + the number: both multiply with the same numbers, fp32 sums in another order at most, as
  /// in `GgufModelTest`.
  private static final double ROUNDING = 1e-5;

  private enum Kind {
    DORA,
    BIAS,
    PISSA
  }

  private static Adapters attach(CausalLm lm, Kind kind, Scope scope) {
    Lora spec = Lora.of(4, 8, new Targets.AllLinear());
    if (kind == Kind.PISSA) {
      return pissa(lm, spec, scope);
    }
    Lora.Variant variant = kind == Kind.DORA ? Lora.Variant.DORA : Lora.Variant.BIAS;
    Adapters adapters =
        Adapters.attach(
            lm.modules(), spec.withVariant(variant), 1, lm.backend().compute(), 1, scope);
    adapters.begin(lm.backend(), 1);
    return adapters;
  }

  private static Adapters pissa(CausalLm lm, Lora spec, Scope scope) {
    Adapters adapters =
        Adapters.attach(lm.modules(), spec, true, 1, lm.backend().compute(), 1, scope);
    Initialization.of(AdapterInit.parse("pissa"))
        .begin(
            adapters,
            new Initialization.Base(
                () -> {
                  throw new AssertionError("PiSSA asks the layers for their numbers");
                },
                lm.backend(),
                1,
                0));
    return adapters;
  }

  /// Replaces quantised layers by dense ones of their numbers.
  ///
  /// @return how many
  private static int makeDense(CausalLm lm, Scope scope) {
    int made = 0;
    try (Workspace ws = new Workspace(0, 4 << 20, Gemm.plain())) {
      for (LinearSlot slot : lm.slots()) {
        if (slot.linear() instanceof StoredLinear stored) {
          ws.reset();
          Tensor numbers = stored.weight(ws, lm.backend().kernels());
          Tensor copy = scope.tensor(numbers.dtype(), numbers.shape());
          lm.backend().kernels().elementwise().copy(numbers, copy);
          slot.set(DenseLinear.of(copy, stored.bias()));
          made++;
        }
      }
    }
    return made;
  }

  private static double[] logits(CausalLm lm) {
    return Logits.of(lm, 5, 17, 21, 3, 30, 28, 9);
  }

  /// Logits at the start, losses and gradients of some steps, logits at the end.
  private static List<Double> trained(Path base, Kind kind, boolean dense) {
    List<Double> numbers = new ArrayList<>();
    try (Scope scope = Scope.open("adapter");
        CausalLm lm = Checkpoint.load(base, ModelConfig.load(base), Backends.of(Compute.FP32))) {
      lm.reserve(32);
      if (dense) {
        assertThat(makeDense(lm, scope)).isPositive();
      }
      double[] before = logits(lm);
      Adapters adapters = attach(lm, kind, scope);
      double[] start = logits(lm);
      assertThat(Logits.apart(start, before))
          .as("%s begins as its base", kind)
          .isLessThan(ROUNDING);
      add(numbers, start);
      Random random = new Random(2);
      for (Parameter p : adapters.parameters()) {
        boolean magnitude = p.name().endsWith("lora_magnitude_vector");
        for (long i = 0; i < p.elements(); i++) {
          double by = 0.05 * random.nextGaussian();
          p.master().put(i, magnitude ? p.master().at(i) * (1 + by) : p.master().at(i) + by);
        }
        p.changed();
      }
      Batch batch = TinyLlama.batch(random, lm.config().vocabSize(), 7, 3, 11);
      train(lm, adapters, batch, numbers);
      add(numbers, logits(lm));
    }
    return numbers;
  }

  /// Plain steps against the gradient, which lower the loss.
  private static void train(CausalLm lm, Adapters adapters, Batch batch, List<Double> numbers) {
    double first = 0;
    double last = 0;
    try (Workspace ws =
        new Workspace(0, lm.measured().trainBytes(21, 11), lm.backend().gemms().apply(1))) {
      for (int step = 0; step < STEPS; step++) {
        last = lm.train(batch, 1.0 / batch.rows().length, Dropout.NONE, ws);
        first = step == 0 ? last : first;
        numbers.add(last / batch.rows().length);
        for (Parameter p : adapters.parameters()) {
          Tensor gradient = p.gradient(0);
          for (long i = 0; i < p.elements(); i++) {
            numbers.add(gradient.at(i));
            p.master().put(i, p.master().at(i) - RATE * gradient.at(i));
          }
          gradient.zero();
          p.changed();
        }
      }
    }
    assertThat(last).isLessThan(first);
  }

  private static void add(List<Double> numbers, double[] some) {
    for (double each : some) {
      numbers.add(each);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "grouped/gptq-4-act/model",
        "grouped/awq-32/model",
        "grouped/ct-8/model",
        "gguf/mixed/llama-llama3.gguf",
        "gguf/mixed/qwen2-tied.gguf",
        "bnb/double"
      })
  void theyTrainAsOnTheNumbersOfTheBase(String name) {
    Path base = GOLDEN.resolve(name);
    for (Kind kind : Kind.values()) {
      List<Double> want = trained(base, kind, true);
      List<Double> got = trained(base, kind, false);
      assertThat(want).hasSizeGreaterThan(1000).doesNotContain(Double.NaN);
      assertThat(got).hasSameSizeAs(want);
      double worst = 0;
      for (int i = 0; i < want.size(); i++) {
        double apart = Math.abs(got.get(i) - want.get(i)) / (1 + Math.abs(want.get(i)));
        worst = Math.max(worst, Double.isNaN(apart) ? Double.POSITIVE_INFINITY : apart);
      }
      System.out.printf("%s, %s: within %.1e%n", name, kind, worst);
      assertThat(worst).as("%s", kind).isLessThan(ROUNDING);
    }
  }

  /// The base gives up the best approximation of its dequantised numbers, and gets it back from the
  /// adapter: in fp32 nothing is lost; in bf16 each of 21 layers rounds its output twice more, each
  /// time by at most 2⁻⁹ of it.
  @ParameterizedTest
  @CsvSource({"FP32, 1e-5", "BF16, 0.09"})
  void pissaBeginsAsItsBaseInFourBits(Compute compute, double bound) {
    Backend backend = Backends.orSkip(compute);
    ModelConfig config = ModelConfig.load(LLAMA);
    double[] unquantised;
    try (CausalLm lm = Checkpoint.load(LLAMA, config, backend)) {
      lm.reserve(32);
      unquantised = logits(lm);
    }
    try (Scope scope = Scope.open("adapter");
        CausalLm lm =
            Checkpoint.load(LLAMA, config, backend, Quantization.of(new Nf4Format(true)))) {
      lm.reserve(32);
      double[] base = logits(lm);
      Lora spec = Lora.of(4, 8, new Targets.AllLinear());
      Adapters adapters = pissa(lm, spec, scope);
      assertThat(Logits.apart(logits(lm), base)).isLessThan(bound);
      assertThat(Logits.apart(unquantised, base)).isGreaterThan(1e-2);
      if (backend.compute() == Dtype.F32) {
        assertBest(lm, adapters, spec);
      }
    }
  }

  /// Holds what s·B·A leaves of each weight against the least that its rank can leave.
  private static void assertBest(CausalLm lm, Adapters adapters, Lora spec) {
    Map<String, Tensor> masters = new HashMap<>();
    adapters.parameters().forEach(p -> masters.put(p.name(), p.master()));
    try (Workspace ws = new Workspace(0, 4 << 20, Gemm.plain())) {
      for (LinearSlot slot : lm.slots()) {
        ws.reset();
        Tensor w = slot.linear().under().weight(ws, lm.backend().kernels());
        Tensor a = requireNonNull(masters.get(PeftFiles.nameOfA(slot.path())));
        Tensor b = requireNonNull(masters.get(PeftFiles.nameOfB(slot.path())));
        double[][] gram = new double[w.cols()][w.cols()];
        double left = 0;
        for (int r = 0; r < w.rows(); r++) {
          for (int i = 0; i < w.cols(); i++) {
            double rest = w.get(r, i);
            for (int k = 0; k < a.rows(); k++) {
              rest -= spec.scaling(slot.path()) * b.get(r, k) * a.get(k, i);
            }
            left += rest * rest;
            for (int j = 0; j < w.cols(); j++) {
              gram[i][j] += w.get(r, i) * w.get(r, j);
            }
          }
        }
        double least = ExactComponents.ofSymmetric(gram).from(a.rows());
        assertThat(left / least).as(slot.path()).isBetween(1 - 1e-4, 1 + 1e-4);
      }
    }
  }
}
