package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.adapter.PeftFiles;
import dev.nudge.format.SafeTensors;
import dev.nudge.machine.Backend;
import dev.nudge.model.Batch;
import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/// Compares what an adapter holds beside A and B of the layers with PEFT
/// (`src/test/reference/extras.py`): whole modules, A and B on the embedding and the head, rows of
/// tokens, on tied and untied models, with a vocabulary that has grown; for two cuts of a step.
///
/// Logits of the adapter that PEFT saved within 1e-5 of the largest, losses and gradient norms
/// within 1e-4 relative at each of eight steps (AdamW makes a whole step of a gradient that is
/// nearly zero, as that of a token that no row has), then the tensors of the saved file within 5e-4
/// of their norm, and logits within 1e-4.
///
/// `lora-tied` makes no steps: there A and B of the head are those of the embedding in one memory,
/// which PEFT's optimiser moves twice a step; ours are two pairs.
class ExtrasStepsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/extras");

  @TempDir Path temp;

  static Stream<Arguments> cases() throws IOException {
    List<Arguments> all = new ArrayList<>();
    try (Stream<Path> files = Files.walk(GOLDEN)) {
      for (Path file : files.filter(f -> f.endsWith("expected.json")).sorted().toList()) {
        Path name = GOLDEN.relativize(file.getParent());
        all.add(Arguments.of(name.toString(), 1, 4096));
        all.add(Arguments.of(name.toString(), 2, 24));
      }
    }
    assertThat(all).hasSizeGreaterThan(60);
    return all.stream();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void stepsEqualPeft(String name, int lanes, int microBatchTokens) throws IOException {
    Path folder = GOLDEN.resolve(name);
    Path base = folder.resolveSibling("model");
    JsonNode expected = TwentySteps.expected(folder);
    Backend backend = Backends.of(Compute.FP32);
    try (CausalLm model =
            Checkpoint.load(base, ModelConfig.load(base), backend, Quantization.NONE);
        Scope scope = Scope.open("adapter");
        PeftAdapter init = PeftAdapter.open(folder.resolve("init"))) {
      double[] alone = logits(model, backend, expected, ModelConfig.load(base).vocabSize());
      Adapters adapters =
          Adapters.attach(model.modules(), init, 0, backend.compute(), lanes, scope);
      close(logits(model, backend, expected, -1), expected.get("before"), 1e-5);
      if (name.endsWith("lora-tied")) {
        return;
      }
      TwentySteps.hold(
          expected,
          folder.resolve("rows.jsonl"),
          model,
          adapters.parameters(),
          lanes,
          microBatchTokens,
          1e-4);
      close(logits(model, backend, expected, -1), expected.get("after"), 1e-4);
      Path saved = temp.resolve("saved");
      adapters.save(saved, "base");
      compareFiles(saved, folder.resolve("final"));
      adapters.detach();
      assertThat(logits(model, backend, expected, ModelConfig.load(base).vocabSize()))
          .as("the base, once the adapter is off")
          .isEqualTo(alone);
      try (PeftAdapter again = PeftAdapter.open(saved)) {
        Adapters.attach(model.modules(), again, 0, backend.compute(), 0, scope);
        close(logits(model, backend, expected, -1), expected.get("after"), 1e-4);
      }
    }
  }

  /// @param vocabulary ids from there on are replaced by others; -1: none
  private static double[] logits(
      CausalLm model, Backend backend, JsonNode expected, int vocabulary) {
    JsonNode probe = expected.get("probe");
    int[] ids = new int[probe.size()];
    for (int i = 0; i < ids.length; i++) {
      int id = probe.get(i).asInt();
      ids[i] = vocabulary < 0 ? id : id % vocabulary;
    }
    model.reserve(ids.length);
    Batch batch = new Batch(ids, new int[] {ids.length}, new long[1], new int[0], new int[0]);
    try (Workspace ws = new Workspace(0, 8 << 20, backend.gemms().apply(1))) {
      Tensor logits = model.logits(batch, ws);
      double[] all = new double[(int) logits.elements()];
      for (int i = 0; i < all.length; i++) {
        all[i] = logits.at(i);
      }
      return all;
    }
  }

  private static void close(double[] is, JsonNode expected, double bound) {
    assertThat(is).hasSize(expected.size());
    double largest = 0;
    double worst = 0;
    for (int i = 0; i < is.length; i++) {
      double e = expected.get(i).asDouble();
      largest = Math.max(largest, Math.abs(e));
      worst = Math.max(worst, Math.abs(is[i] - e));
    }
    assertThat(worst / largest).isLessThan(bound);
  }

  /// Every tensor that we save is what PEFT has under that name; PEFT saves tables besides.
  private static void compareFiles(Path ours, Path theirs) {
    try (SafeTensors is = SafeTensors.open(ours.resolve(PeftFiles.WEIGHTS));
        SafeTensors expected = SafeTensors.open(theirs.resolve(PeftFiles.WEIGHTS))) {
      for (String name : is.names()) {
        assertThat(expected.names()).contains(name);
        assertThat(is.entry(name).shape()).as(name).isEqualTo(expected.entry(name).shape());
        Tensor a = is.tensor(name);
        Tensor b = expected.tensor(name);
        double apart = 0;
        double size = 0;
        for (long i = 0; i < a.elements(); i++) {
          apart += Math.pow(a.at(i) - b.at(i), 2);
          size += Math.pow(b.at(i), 2);
        }
        assertThat(Math.sqrt(apart / size)).as(name).isLessThan(5e-4);
      }
      for (String name : expected.names()) {
        boolean copy = // of a table, or of a tied head's rows
            name.contains("base_layer")
                || name.contains("original_module")
                || name.contains("modules_to_save")
                || name.contains("lm_head.token_adapter");
        assertThat(is.names().contains(name) || copy).as(name).isTrue();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void aPlanCountsWhatIsThere(String name, int lanes, int microBatchTokens) throws IOException {
    Path folder = GOLDEN.resolve(name);
    Path base = folder.resolveSibling("model");
    Backend backend = Backends.of(Compute.FP32);
    ModelConfig config = ModelConfig.load(base);
    try (CausalLm model = Checkpoint.load(base, config, backend, Quantization.NONE);
        CausalLm dry = Checkpoint.dry(config, backend, Quantization.NONE);
        Scope scope = Scope.open("adapter");
        Scope measuring = Scope.measuring();
        PeftAdapter init = PeftAdapter.open(folder.resolve("init"))) {
      Adapters real = Adapters.attach(model.modules(), init, 0, backend.compute(), lanes, scope);
      Adapters without =
          Adapters.attach(dry.modules(), init, 0, backend.compute(), lanes, measuring);
      assertThat(without.count(0)).isEqualTo(real.count(0));
      assertThat(without.frozenBytes()).isEqualTo(real.frozenBytes());
      for (Caches caches : Caches.values()) {
        assertThat(dry.packed().bytes(caches)).isEqualTo(model.packed().bytes(caches));
        assertThat(
                dry.packed()
                    .assuming(caches, () -> dry.measured().trainBytes(microBatchTokens, 24)))
            .isEqualTo(
                model
                    .packed()
                    .assuming(caches, () -> model.measured().trainBytes(microBatchTokens, 24)));
      }
      assertThat(dry.measured().trainBytes(microBatchTokens, 24))
          .isEqualTo(model.measured().trainBytes(microBatchTokens, 24));
      assertThat(dry.config().vocabSize()).isEqualTo(model.config().vocabSize());
    }
  }
}
