package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/// Holds runs on groups of given completions to TRL's GRPOTrainer (`grpo.py`): losses, gradient
/// norms, figures, and the adapter after four steps. Of the
/// `-constant` cases the first and the last group of a step have equal rewards. Both compute in
/// fp32.
class GroupGoldenTest {
  static final Path GOLDEN = Path.of("src/test/resources/golden/preference/grpo");
  static final Path START = Path.of("src/test/resources/golden/peft/all-linear/adapter");
  private static final JsonNode CASES =
      Json.read(GOLDEN.resolve("expected.json"), "").path("cases");
  private static final List<String> FIGURES =
      List.of("reward", "reward_std", "completion_tokens", "kl", "clip_ratio", "constant_groups");

  @TempDir Path temp;

  static Stream<String> cases() {
    return CASES.propertyNames().stream();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void stepsAreThoseOfTrl(String name) throws IOException {
    JsonNode expected = CASES.path(name);
    List<JsonNode> steps = steps(name, expected.path("settings"));
    assertThat(steps).hasSize(expected.path("loss").size());
    for (int i = 0; i < steps.size(); i++) {
      TrlSteps.hold(steps.get(i), expected, "loss", i, 1e-5);
      TrlSteps.hold(steps.get(i), expected, "grad_norm", i, 1e-4);
      for (String figure : FIGURES) {
        JsonNode given = expected.path("settings");
        boolean
            ours = // TRL counts clipped tokens where there are none, and steps without deviation
            figure.equals("clip_ratio") && !given.has("iterations")
                    || figure.equals("constant_groups") && given.has("scale_rewards");
        if (expected.has(figure) && !ours) {
          TrlSteps.hold(steps.get(i), expected, figure, i, 1e-5);
        }
      }
    }
    TrlSteps.hold(temp.resolve(name), expected.path("trained"), 1e-5);
  }

  private List<JsonNode> steps(String name, JsonNode settings) throws IOException {
    List<Object> more = new ArrayList<>(List.of("objective", "grpo", "init_adapter", START));
    for (String key : settings.propertyNames()) {
      more.add(key);
      more.add(Json.plain(settings).get(key));
    }
    String rows = name.endsWith("-constant") ? "constant.jsonl" : "groups.jsonl";
    return TrlSteps.of(TinyRun.TIED, GOLDEN.resolve(rows), temp.resolve(name), more);
  }
}
