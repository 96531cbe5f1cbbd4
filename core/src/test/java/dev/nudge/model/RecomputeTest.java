package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Recompute;
import dev.nudge.nn.StoredLinear;
import dev.nudge.quant.Nf4Weight;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.MappedFile;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Compares loss and gradients of every recompute level with those of keeping all, bit for bit, on
/// workspaces of exactly the measured size.
class RecomputeTest {
  private static final int LAYERS = 4;
  private static final int MIXED = 12; // choices of a level for each layer
  private static final int FEW = 4; // of them, drawn anew by each ordinary build
  private static final int[] LENGTHS = {70, 1, 9, 33};

  @TempDir private Path temp;

  private final Random random = Seeds.random();

  @ParameterizedTest
  @CsvSource({
    "F64, 0, all-linear, false",
    "F64, 0.3, all-linear, false",
    "F32, 0, all-linear, false",
    "F32, 0.3, all-linear, true",
    "BF16, 0, all-linear, true",
    "BF16, 0.3, all-linear, false",
    "BF16, 0.3, 'q_proj,down_proj', true",
    "F32, 0.3, '/model.layers.[23].*(k|up|o)_proj/', false"
  })
  void everyLevelGivesTheSameBytes(Dtype compute, double dropout, String targets, boolean nf4) {
    long held = Ledger.bytes();
    Backend backend = backend(compute);
    boolean bias = random.nextBoolean();
    ModelConfig config = TinyLlama.config(LAYERS, random.nextBoolean(), bias);
    Lora spec = Lora.of(3, 5, Targets.parse(targets)).withDropout(dropout);
    try (CausalLm model = TinyLlama.of(config, backend, 5);
        Scope scope = Scope.open("adapter")) {
      model.reserve(80);
      if (nf4) {
        quantize(model, scope);
      }
      Adapters adapter = Adapters.attach(model.modules(), spec, 2, compute, 1, scope);
      for (Parameter p : adapter.parameters()) {
        for (long i = 0; i < p.elements(); i++) {
          p.master().put(i, 0.3 * random.nextGaussian());
          p.work().put(i, p.master().at(i));
        }
      }
      compare(model, adapter.parameters(), FEW);
    }
    assertThat(Ledger.bytes()).isEqualTo(held);
  }

  /// All weights train, or those of the upper layers and a norm below.
  @ParameterizedTest
  @CsvSource({
    "F64, '.*'",
    "F32, '.*'",
    "BF16, '.*'",
    "F32, 'model.layers.([23].*|1.input_layernorm.weight)|lm_head.*'",
    "BF16, 'model.layers.([23].*|1.*bias)'"
  })
  void everyLevelGivesTheSameBytesWhereWeightsTrain(Dtype compute, String trains) {
    ModelConfig config = TinyLlama.config(LAYERS, random.nextBoolean(), true);
    try (Scope scope = Scope.open("parameters");
        CausalLm model =
            TinyLlama.of(
                config,
                backend(compute),
                5,
                0.3,
                new Trainable(Pattern.compile(trains).asMatchPredicate(), 1, scope))) {
      model.reserve(80);
      compare(model, model.parameters(), FEW);
    }
  }

  @ParameterizedTest
  @MethodSource("dev.nudge.model.GoldenFamilies#mechanisms")
  void everyLevelGivesTheSameBytesInEveryMechanism(Path folder) {
    compare(folder, FEW);
  }

  @ParameterizedTest
  @Tag("slow")
  @MethodSource("dev.nudge.model.GoldenFamilies#models")
  void everyLevelGivesTheSameBytesInEveryFamily(Path folder) {
    compare(folder, MIXED);
  }

  /// Its adapter and then all its weights.
  private void compare(Path folder, int mixed) {
    ModelConfig config = ModelConfig.load(folder);
    for (boolean own : List.of(false, true)) {
      Dtype compute = own ? Dtype.F32 : Dtype.BF16;
      boolean dense = !config.hasExperts();
      Lora spec = Lora.of(3, 5, Targets.parse("all-linear")).withDropout(dense ? 0.2 : 0);
      try (Scope scope = Scope.open("parameters");
          CausalLm model =
              TinyLlama.of(
                  config, backend(compute), 5, 0.15, new Trainable(name -> own, 1, scope))) {
        model.reserve(80);
        compare(
            model,
            own
                ? model.parameters()
                : Adapters.attach(model.modules(), spec, 2, compute, 1, scope).parameters(),
            mixed);
      }
    }
  }

  private void compare(CausalLm model, List<Parameter> parameters, int mixed) {
    Batch batch = TinyLlama.batch(random, model.config().vocabSize(), LENGTHS);
    int layers = model.layers();
    Result all = train(model, parameters, batch, Collections.nCopies(layers, Recompute.NONE));
    for (List<Recompute> levels : choices(layers, mixed)) {
      Result got = train(model, parameters, batch, levels);
      assertThat(got.loss).as("loss, %s", levels).isEqualTo(all.loss);
      for (int i = 0; i < all.gradients.size(); i++) {
        assertThat(got.gradients.get(i))
            .as("%s, %s", parameters.get(i).name(), levels)
            .isEqualTo(all.gradients.get(i));
      }
    }
  }

  private static void quantize(CausalLm model, Scope scope) {
    Backend backend = model.backend();
    try (Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      for (LinearSlot slot : model.slots()) {
        Tensor weight = slot.linear().weight(ws, backend.kernels());
        slot.set(
            StoredLinear.of(
                Nf4Weight.quantize(weight, true, scope, backend.kernels()),
                null,
                backend.compute()));
      }
    }
  }

  private List<List<Recompute>> choices(int layers, int mixed) {
    List<List<Recompute>> choices = new ArrayList<>();
    for (Recompute level : Recompute.values()) {
      choices.add(Collections.nCopies(layers, level));
    }
    for (int i = 0; i < mixed; i++) {
      List<Recompute> levels = new ArrayList<>();
      for (int layer = 0; layer < layers; layer++) {
        levels.add(Recompute.values()[random.nextInt(Recompute.values().length)]);
      }
      choices.add(levels);
    }
    return choices;
  }

  private record Result(double loss, List<byte[]> gradients) {}

  private Result train(
      CausalLm model, List<Parameter> parameters, Batch batch, List<Recompute> levels) {
    model.recompute(levels);
    int tokens = batch.tokens();
    DryPasses.TrainParts parts = model.measured().trainParts(tokens, 70);
    parameters.forEach(p -> p.gradient(0).zero());
    try (Workspace ws =
        new Workspace(
            0,
            parts.peak(),
            model.backend().gemms().apply(1),
            MappedFile.create(temp, parts.offloaded()))) {
      double loss = model.train(batch, 0.1, Dropout.of(3, 4), ws);
      assertThat(ws.offloadedPeak()).isEqualTo(parts.offloaded());
      List<byte[]> gradients = new ArrayList<>();
      for (Parameter p : parameters) {
        gradients.add(p.gradient(0).data().toArray(ValueLayout.JAVA_BYTE));
      }
      return new Result(loss, gradients);
    }
  }

  private static Backend backend(Dtype compute) {
    return switch (compute) {
      case F64 -> Backend.plain(compute);
      case BF16 -> Backends.orSkip(Compute.BF16);
      default -> Backends.orSkip(Compute.FP32);
    };
  }
}
