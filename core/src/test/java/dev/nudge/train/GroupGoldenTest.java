package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.format.Json;
import dev.nudge.format.SafeTensors;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/// Holds runs on groups of given completions to TRL's GRPOTrainer (`grpo.py`): losses, gradient
/// norms, figures, and the adapter after four steps. Both compute in fp32.
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
      compare(steps.get(i), expected, "loss", i, 1e-5);
      compare(steps.get(i), expected, "grad_norm", i, 1e-4);
      for (String figure : FIGURES) {
        JsonNode given = expected.path("settings");
        boolean
            ours = // TRL counts clipped tokens where there are none, and steps without deviation
            figure.equals("clip_ratio") && !given.has("iterations")
                    || figure.equals("constant_groups") && given.has("scale_rewards");
        if (expected.has(figure) && !ours) {
          compare(steps.get(i), expected, figure, i, 1e-5);
        }
      }
    }
    JsonNode trained = expected.path("trained");
    try (SafeTensors adapter =
        SafeTensors.open(temp.resolve(name).resolve("adapter_model.safetensors"))) {
      for (String tensor : trained.propertyNames()) {
        MemorySegment bytes = adapter.bytes(tensor);
        for (int i = 0; i < trained.path(tensor).size(); i++) {
          double value = bytes.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
          assertThat(value)
              .as("%s[%d]", tensor, i)
              .isCloseTo(trained.path(tensor).path(i).asDouble(), within(1e-5));
        }
      }
    }
  }

  private static void compare(JsonNode step, JsonNode all, String key, int at, double tolerance) {
    JsonNode expected = all.path(key).path(at);
    if (expected.isNull()) {
      assertThat(step.path(key).isNull()).as("%s of step %d", key, at + 1).isTrue();
    } else {
      double value = expected.asDouble();
      assertThat(step.path(key).asDouble(Double.NaN))
          .as("%s of step %d", key, at + 1)
          .isCloseTo(value, within(tolerance * Math.max(1, Math.abs(value))));
    }
  }

  private List<JsonNode> steps(String name, JsonNode settings) throws IOException {
    Path out = temp.resolve(name);
    List<Object> more =
        new ArrayList<>(
            List.of(
                "objective",
                "grpo",
                "init_adapter",
                START,
                "steps",
                4,
                "batch_size",
                3,
                "schedule",
                "constant",
                "warmup",
                "0",
                "shuffle",
                false,
                "compute",
                "fp32"));
    for (String key : settings.propertyNames()) {
      more.add(key);
      more.add(Json.plain(settings).get(key));
    }
    TinyRun.run(
        TinyRun.settings(TinyRun.TIED, GOLDEN.resolve("groups.jsonl"), out, more.toArray()));
    return TinyRun.metrics(out, "loss");
  }
}
