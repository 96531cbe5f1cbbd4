package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

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

/// Holds runs on preferences to TRL's trainers (`preference.py`): losses, gradient norms, figures.
///
/// Both compute in fp32. An update by AdamW is nearly the sign of a gradient at first, so rounding
/// turns some of the smallest: figures of later steps differ by up to 1e-4.
class PreferenceGoldenTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/preference");
  private static final Path START = Path.of("src/test/resources/golden/peft/all-linear/adapter");
  private static final JsonNode CASES =
      Json.read(GOLDEN.resolve("expected.json"), "").path("cases");
  private static final List<String> FIGURES =
      List.of("rewards_chosen", "rewards_rejected", "margin", "accuracy", "kl");

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
      compare(steps.get(i), expected, "loss", i, 2e-5);
      compare(steps.get(i), expected, "grad_norm", i, 2e-4);
      boolean same = // the start is its own reference: which of two rewards is higher is rounding
          expected.path("rewards_chosen").path(i).asDouble(1) == 0
              && expected.path("rewards_rejected").path(i).asDouble(1) == 0;
      for (String figure : FIGURES) {
        if (expected.has(figure) && !(same && figure.equals("accuracy"))) {
          compare(steps.get(i), expected, figure, i, 1e-4);
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
    boolean kto = settings.path("objective").asString("").equals("kto");
    String rows = name.equals("implicit-prompt") ? "whole" : kto ? "labelled" : "pairs";
    List<Object> more =
        new ArrayList<>(
            List.of(
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
      more.add(
          !key.equals("init_adapter")
              ? Json.plain(settings).get(key)
              : settings.path(key).asString("").equals("adapter")
                  ? START
                  : GOLDEN.resolve("reward-adapter"));
    }
    TinyRun.run(
        TinyRun.settings(TinyRun.TIED, GOLDEN.resolve(rows + ".jsonl"), out, more.toArray()));
    return TinyRun.metrics(out, "loss");
  }
}
