package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.GoldenFamilies;
import dev.nudge.model.ModelConfig;
import dev.nudge.settings.Compute;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
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
/// comes
/// from a pass over all tokens before it; they end above the window and the original context.
class FamilyGreedyTest {
  static List<Path> models() throws IOException {
    return GoldenFamilies.models();
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
    try (CausalLm model = Checkpoint.load(folder, config, backend);
        Workspace ws =
            new Workspace(0, model.nextBytes(positions, 1, positions), backend.gemms().apply(1))) {
      model.reserve(positions);
      Decoder decoder = new Decoder(model, ws);
      List<Integer> got = new ArrayList<>();
      try (Decoder.Sequence s = decoder.open(0, prompt, positions)) {
        while (got.size() < expected.length) {
          int id = likeliest(decoder.step(List.of(s)));
          got.add(id);
          s.add(id);
        }
      }
      assertThat(got.stream().mapToInt(i -> i).toArray()).isEqualTo(expected);
    }
  }

  private static int likeliest(Tensor logits) {
    int best = 0;
    for (int v = 1; v < logits.cols(); v++) {
      best = logits.get(0, v) > logits.get(0, best) ? v : best;
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
