package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.engine.Engine;
import dev.nudge.engine.Limits;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.GoldenFamilies;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Compares greedy completions of every family with those of transformers, each of whose tokens
/// comes from a pass over all tokens before it; they end above the window and the original context.
class FamilyGreedyTest {
  static List<Path> models() throws IOException {
    List<Path> all = new ArrayList<>(GoldenFamilies.models());
    all.add(Path.of("src/test/resources/golden/mxfp4/model"));
    return all;
  }

  @ParameterizedTest
  @MethodSource("models")
  void completionsEqualTransformers(Path folder) throws IOException {
    JsonNode golden =
        new ObjectMapper()
            .readTree(Files.readString(folder.resolveSibling("inputs.json")))
            .get("greedy");
    int[] prompt = ints(golden.get("prompt_ids"));
    int[] expected = ints(golden.get("ids"));
    int positions = prompt.length + expected.length;
    Backend backend = Backends.of(Compute.FP32);
    ModelConfig config = ModelConfig.load(folder);
    List<Integer> got = new ArrayList<>();
    try (CausalLm model = Checkpoint.load(folder, config, backend);
        NamedAdapters none = new NamedAdapters(model.modules(), backend.compute());
        Engine engine = new Engine(model, none, Limits.of(model, 1, 1, positions))) {
      engine
          .submit(
              prompt,
              positions,
              null,
              (logits, row, ids, count) -> {
                got.add(likeliest(logits, row));
                return got.getLast();
              })
          .await();
    }
    assertThat(got.stream().mapToInt(i -> i).toArray()).isEqualTo(expected);
  }

  private static int likeliest(Tensor logits, int row) {
    int best = 0;
    for (int v = 1; v < logits.cols(); v++) {
      best = logits.get(row, v) > logits.get(row, best) ? v : best;
    }
    return best;
  }

  private static int[] ints(JsonNode list) {
    int[] ids = new int[list.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = list.get(i).asInt();
    }
    return ids;
  }
}
