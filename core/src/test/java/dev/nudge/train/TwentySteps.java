package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.data.Batches;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.Examples;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Parameter;
import dev.nudge.plan.Plan;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Scope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Makes the steps of a golden folder and holds each to what the peer gave.
///
/// Losses and gradient norms within 1e-5 relative where nothing else is said, tokens exactly.
final class TwentySteps {
  private static final ObjectMapper JSON = new ObjectMapper();

  private TwentySteps() {}

  /// What the peer gave.
  static JsonNode expected(Path folder) throws IOException {
    return JSON.readTree(Files.readString(folder.resolve("expected.json")));
  }

  /// Makes the steps of `folder` with the adapter that lies there.
  ///
  /// @param after sees the trained parameters
  static void hold(
      Path folder,
      Path modelFolder,
      Quantization quantization,
      int lanes,
      int microBatchTokens,
      Consumer<List<Parameter>> after)
      throws IOException {
    Path rows = folder.resolve("rows.jsonl");
    Path init = folder.resolve("init");
    hold(folder, rows, init, modelFolder, quantization, false, lanes, microBatchTokens, after);
  }

  /// Makes the steps of `folder` with rows and an adapter from elsewhere.
  ///
  /// @param streamed whether weights that are used where they lie in their file are read layer by
  ///     layer
  static void hold(
      Path folder,
      Path rows,
      Path adapter,
      Path modelFolder,
      Quantization quantization,
      boolean streamed,
      int lanes,
      int microBatchTokens,
      Consumer<List<Parameter>> after)
      throws IOException {
    Backend backend = Backends.of(Compute.FP32);
    try (CausalLm model =
            Checkpoint.load(modelFolder, ModelConfig.load(modelFolder), backend, quantization);
        Scope scope = Scope.open("adapter");
        PeftAdapter init = PeftAdapter.open(adapter)) {
      if (streamed) {
        model.stream(0);
      }
      Adapters adapters =
          Adapters.attach(model.modules(), init, 0, backend.compute(), lanes, scope);
      hold(expected(folder), rows, model, adapters.parameters(), lanes, microBatchTokens);
      after.accept(adapters.parameters());
    }
  }

  /// Makes the steps that a peer made on whatever trains of a model, to 1e-5.
  static void hold(
      JsonNode expected,
      Path rows,
      CausalLm model,
      List<Parameter> parameters,
      int lanes,
      int microBatchTokens)
      throws IOException {
    hold(expected, rows, model, parameters, lanes, microBatchTokens, 1e-5);
  }

  /// Makes the steps that a peer made on whatever trains of a model.
  ///
  /// @param bound of losses and gradient norms, relative
  static void hold(
      JsonNode expected,
      Path rows,
      CausalLm model,
      List<Parameter> parameters,
      int lanes,
      int microBatchTokens,
      double bound)
      throws IOException {
    JsonNode settings = expected.get("settings");
    List<Example> examples = examples(rows);
    int longest = examples.stream().mapToInt(Example::length).max().orElseThrow();
    int budget = Math.max(longest, microBatchTokens);
    model.reserve(longest);
    Plan plan =
        Plan.uncounted(
            "test", lanes, 1, budget, longest, model.measured().trainBytes(budget, longest));
    TrainSettings train =
        TrainSettings.of(
            Map.of(
                "model", "model",
                "data", List.of("rows"),
                "out", "out",
                "learning_rate", settings.get("learning_rate").asDouble(),
                "weight_decay", settings.get("weight_decay").asDouble(),
                "max_grad_norm", settings.get("max_grad_norm").asDouble()));
    JsonNode plus = settings.path("lora_plus");
    TrainSettings all = plus.isNumber() ? train.withLoraPlus(plus.asDouble()) : train;
    try (Trainer trainer =
        new Trainer(model, parameters, examples, plan, all.optimizer(), 0, Path.of(""))) {
      Batches batches = Batches.of(examples.size(), settings.get("batch_size").asInt(), 0, false);
      double worst = 0;
      for (int i = 0; i < settings.get("steps").asInt(); i++) {
        Trainer.Result r =
            trainer.step(i, batches.step(i), settings.get("learning_rate").asDouble());
        double loss = expected.get("losses").get(i).asDouble();
        double norm = expected.get("grad_norms").get(i).asDouble();
        assertThat(r.loss()).describedAs("step %d", i).isCloseTo(loss, within(bound * loss));
        assertThat(r.gradNorm()).describedAs("step %d", i).isCloseTo(norm, within(bound * norm));
        assertThat(r.tokens()).isEqualTo(expected.get("tokens").get(i).asLong());
        assertThat(r.trainedTokens()).isEqualTo(expected.get("trained_tokens").get(i).asLong());
        worst = Math.max(worst, Math.abs(r.loss() - loss) / loss);
      }
      System.out.printf("%s, %d lanes: losses within %.1e%n", rows, lanes, worst);
    }
  }

  static List<Example> examples(Path file) throws IOException {
    List<Example> examples = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      JsonNode row = JSON.readTree(line);
      int[] ids = new int[row.get("ids").size()];
      for (int i = 0; i < ids.length; i++) {
        ids[i] = row.get("ids").get(i).asInt();
      }
      examples.add(Examples.of(ids, row.get("first_trained").asInt()));
    }
    return examples;
  }
}
