package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Seeds;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.Examples;
import dev.nudge.engine.Batcher;
import dev.nudge.format.RunFiles;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.family.TinyLlama;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Parameter;
import dev.nudge.plan.Plan;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Workspace;
import dev.nudge.train.events.MetricsFile;
import dev.nudge.train.events.TrainEvent;
import dev.nudge.train.objective.Objective;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Holds steps by made-up objectives to their gradients, and whole runs to the objective that they
/// were given.
class ObjectiveTest {
  @TempDir Path temp;

  /// Pairs, of which the first is to be likelier than the second: L = 1/P · Σ log(1 + exp(b − a)).
  private static final class Pairs implements Objective {
    @Override
    public boolean needsScores() {
      return true;
    }

    @Override
    public Weights weigh(Scored step) {
      double[] s = step.logprobs();
      double[] each = new double[s.length];
      for (int i = 0; i < s.length; i += 2) {
        each[i] = 2.0 / s.length / (1 + Math.exp(s[i] - s[i + 1]));
        each[i + 1] = -each[i];
      }
      return new Weights(1, each, null, loss(s), Map.of());
    }

    static double loss(double[] s) {
      double sum = 0;
      for (int i = 0; i < s.length; i += 2) {
        sum += Math.log1p(Math.exp(s[i + 1] - s[i]));
      }
      return 2 * sum / s.length;
    }
  }

  @Test
  void aStepHasTheGradientOfItsObjective() {
    check(
        new SquaredLoss(),
        s -> IntStream.range(0, 4).mapToDouble(i -> Math.pow(s[i] / TRAINED[i], 2)).sum() / 4);
  }

  @Test
  void anObjectiveMayCompareSequencesOfDifferentMicroBatches() {
    check(new Pairs(), Pairs::loss);
  }

  private static final int[] TRAINED = {5, 3, 4, 4}; // tokens

  private static List<Example> rows(Random random) {
    return List.of(
        Examples.of(random.ints(7, 0, 37).toArray(), 2),
        Examples.of(random.ints(4, 0, 37).toArray(), new double[] {0, 1, 0.25, 3}),
        Examples.of(random.ints(9, 0, 37).toArray(), 5),
        Examples.of(random.ints(5, 0, 37).toArray(), 1));
  }

  /// In double, with finite differences of the loss as it is defined; sequences lie in two lanes
  /// and four micro-batches, and some tokens count more.
  private static void check(Objective objective, ToDoubleFunction<double[]> defined) {
    long seed = Seeds.next();
    Random random = new Random(seed);
    List<Example> rows = rows(random);
    Backend backend = Backend.plain(Dtype.F64);
    Lora spec = Lora.of(3, 5, Targets.parse("all-linear"));
    TrainSettings settings =
        TrainSettings.of(Map.of("model", "m", "data", List.of("d"), "out", "o"));
    try (CausalLm model = TinyLlama.of(TinyLlama.config(2, true, false), backend, seed);
        Scope scope = Scope.open("adapter")) {
      model.reserve(9);
      List<Parameter> parameters =
          Adapters.attach(model.modules(), spec, seed, Dtype.F64, 2, scope).parameters();
      for (Parameter p : parameters) {
        for (long i = 0; i < p.elements(); i++) {
          p.master().put(i, 0.3 * random.nextGaussian());
        }
      }
      long bytes = model.measured().trainBytes(9, 9);
      Plan plan = Plan.uncounted("test", 2, 1, 9, 9, bytes);
      Path none = Path.of("");
      try (Trainer trainer =
              new Trainer(model, parameters, rows, plan, settings.optimizer(), 0, none, objective);
          Workspace ws = new Workspace(0, bytes, Gemm.plain())) {
        double loss = trainer.gradients(0, rows, trainer.weigh(rows, new double[0]));
        double expected = defined.applyAsDouble(logprobs(model, rows, ws));
        assertThat(loss).isCloseTo(expected, within(1e-12 * Math.max(1, loss)));
        for (Parameter p : parameters) {
          for (int i = 0; i < 3; i++) {
            long at = random.nextLong(p.elements());
            double gradient = p.gradient(0).at(at) + p.gradient(1).at(at);
            assertThat(difference(p, at, () -> defined.applyAsDouble(logprobs(model, rows, ws))))
                .as("%s[%d], seed %d", p.name(), at, seed)
                .isCloseTo(gradient, within(1e-6 * Math.max(1, Math.abs(gradient))));
          }
        }
      }
    }
  }

  /// A sequence at a time.
  private static double[] logprobs(CausalLm model, List<Example> rows, Workspace ws) {
    return IntStream.range(0, rows.size())
        .mapToObj(i -> Batcher.batch(List.of(0), new int[] {i}, rows, null))
        .mapToDouble(row -> -model.train(row, 0, Dropout.NONE, ws))
        .toArray();
  }

  private static double difference(Parameter p, long at, DoubleSupplier loss) {
    double h = 1e-5;
    double x = p.master().at(at);
    p.master().put(at, x + h);
    double above = loss.getAsDouble();
    p.master().put(at, x - h);
    double below = loss.getAsDouble();
    p.master().put(at, x);
    return (above - below) / (2 * h);
  }

  @Test
  void aRunTrainsByTheObjectiveThatItIsGiven() throws IOException {
    run("squares", new SquaredLoss(), "steps", 12);
    List<JsonNode> steps = TinyRun.metrics(temp.resolve("squares"), "worst");
    assertThat(steps).hasSize(12);
    for (JsonNode step : steps) {
      double worst = step.get("worst").asDouble();
      assertThat(step.get("loss").asDouble()).isPositive().isLessThanOrEqualTo(worst * worst);
    }
    double last = steps.getLast().get("loss").asDouble();
    assertThat(last).isLessThan(0.9 * steps.getFirst().get("loss").asDouble());
  }

  /// Scores cost time and change no bit.
  @Test
  void scoringBeforeAStepLeavesItAsItIs() throws IOException {
    Objective scored =
        new Objective() {
          @Override
          public boolean needsScores() {
            return true;
          }

          @Override
          public Weights weigh(Scored step) {
            assertThat(step.logprobs()).hasSize(step.sequences().size());
            return SUPERVISED.weigh(step);
          }
        };
    assertThat(run("scored", scored, "dropout", 0.2, "steps", 3))
        .isEqualTo(run("plain", Objective.SUPERVISED, "dropout", 0.2, "steps", 3));
  }

  @Test
  void aFigureReplacesNoNumberThatASkippedStepLacks() throws IOException {
    MetricsFile metrics = new MetricsFile(() -> temp);
    metrics.begin();
    Map<String, Double> figures = Map.of("loss", 7.0, "own", 3.0);
    metrics.step(new TrainEvent.Step(1, 2, Double.NaN, 1, 1, 1, 1, 1, 1, 1, figures));
    String line = Files.readString(temp.resolve(RunFiles.METRICS));
    assertThat(line).contains("\"loss\":null").contains("\"own\":3.0").doesNotContain("7.0");
  }

  private byte[] run(String out, Objective objective, Object... more) throws IOException {
    Path rows = TinyRun.rows(temp.resolve("rows.jsonl"), 8, 40, 5);
    TrainSettings settings = TinyRun.settings(TinyRun.TIED, rows, temp.resolve(out), more);
    Training.run(
        Training.prepare(settings, TinyRun.MACHINE, event -> {}, objective),
        event -> {},
        () -> false);
    return Files.readAllBytes(temp.resolve(out).resolve("adapter_model.safetensors"));
  }
}
