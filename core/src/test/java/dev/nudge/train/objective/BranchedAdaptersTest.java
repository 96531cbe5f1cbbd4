package dev.nudge.train.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.Examples;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Recompute;
import dev.nudge.plan.Plan;
import dev.nudge.plan.Plans;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.train.LossType;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Scope;
import dev.nudge.train.Trainer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Steps on pairs behind one prompt have the loss and the gradients of whole sequences with every
/// kind of adapter, of dense weights and of NF4.
class BranchedAdaptersTest {
  private static final Path MODEL =
      Path.of("src/test/resources/golden/train-nf4/plain-biased/model");
  private static final int LONGEST = 90;
  private static final double BOUND = 1e-4;

  @ParameterizedTest
  @CsvSource({"PLAIN, true", "BIAS, true", "DORA, true", "DORA, false"})
  void sharedPromptsChangeNothing(Lora.Variant variant, boolean nf4) {
    long seed = Seeds.next();
    Random random = new Random(seed);
    ModelConfig config = ModelConfig.load(MODEL);
    List<Example> rows = new ArrayList<>();
    for (int prompt : new int[] {70, 1, 33}) {
      int[] shared = random.ints(prompt, 0, config.vocabSize()).toArray();
      for (int i = 0; i < 2; i++) {
        int[] ids = Arrays.copyOf(shared, prompt + 1 + random.nextInt(LONGEST - prompt));
        for (int at = prompt; at < ids.length; at++) {
          ids[at] = random.nextInt(config.vocabSize());
        }
        rows.add(Examples.of(ids, prompt, 0));
      }
    }
    double[] reference =
        rows.stream().mapToDouble(e -> -4.0 * e.trainedTokens() - random.nextInt(3)).toArray();
    Step whole = step(rows, reference, variant, nf4, seed, false);
    Step shared = step(rows, reference, variant, nf4, seed, true);
    assertThat(shared.loss).isCloseTo(whole.loss, within(BOUND * Math.abs(whole.loss)));
    for (int p = 0; p < whole.gradients.size(); p++) {
      double[] a = whole.gradients.get(p);
      double[] b = shared.gradients.get(p);
      double[] apart = IntStream.range(0, a.length).mapToDouble(i -> a[i] - b[i]).toArray();
      assertThat(norm(apart))
          .as("%s, seed %d", whole.names.get(p), seed)
          .isLessThanOrEqualTo(BOUND * (norm(a) + 1e-3));
    }
  }

  private record Step(double loss, List<double[]> gradients, List<String> names) {}

  private static Step step(
      List<Example> rows,
      double[] reference,
      Lora.Variant variant,
      boolean nf4,
      long seed,
      boolean branches) {
    TrainSettings settings =
        TrainSettings.of(Map.of("model", "m", "data", List.of("d"), "out", "o"));
    Random random = new Random(seed);
    Quantization quantization = nf4 ? Quantization.of(new Nf4Format(false)) : Quantization.NONE;
    try (CausalLm model =
            Checkpoint.load(
                MODEL, ModelConfig.load(MODEL), Backends.of(Compute.FP32), quantization);
        Scope scope = Scope.open("adapter")) {
      model.reserve(LONGEST);
      model.recompute(Collections.nCopies(model.layers(), Recompute.values()[random.nextInt(3)]));
      Lora spec = Lora.of(3, 5, Targets.parse("all-linear")).withVariant(variant);
      Adapters adapters =
          Adapters.attach(model.modules(), spec, seed, model.backend().compute(), 1, scope);
      adapters.begin(model.backend(), 1);
      List<Parameter> parameters = adapters.parameters();
      for (Parameter p : parameters) {
        for (long i = 0; i < p.elements(); i++) {
          p.master().put(i, p.master().at(i) + 0.05 * random.nextGaussian());
        }
        p.changed();
      }
      int budget = 2 * LONGEST;
      long bytes =
          LongStream.of(
                  model.measured().trainBytes(budget, LONGEST),
                  model.measured().scoreBytes(budget, LONGEST),
                  model.measured().branchedParts(budget, LONGEST).peak(),
                  model.measured().scoreBranchedBytes(budget, LONGEST))
              .max()
              .orElseThrow();
      Plan plan = Plans.branching(Plan.uncounted("test", 1, 1, budget, LONGEST, bytes), branches);
      Objective objective = new DirectPreference(LossType.SIGMOID, 0.1, 0, 0.5);
      try (Trainer trainer =
          new Trainer(
              model, parameters, rows, plan, settings.optimizer(), 0, Path.of(""), objective)) {
        double loss = trainer.gradients(0, rows, trainer.weigh(rows, reference));
        List<double[]> all = new ArrayList<>();
        for (Parameter p : parameters) {
          all.add(
              IntStream.range(0, (int) p.elements())
                  .mapToDouble(i -> p.gradient(0).at(i))
                  .toArray());
        }
        return new Step(loss, all, parameters.stream().map(Parameter::name).toList());
      }
    }
  }

  private static double norm(double[] x) {
    return Math.sqrt(Arrays.stream(x).map(v -> v * v).sum());
  }
}
