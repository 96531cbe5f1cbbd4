package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.format.SafeTensors;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// Steps of a run beside those that a trainer of TRL made.
final class TrlSteps {
  private TrlSteps() {}

  /// Runs the four steps of a reference script, and reads what each gave.
  static List<JsonNode> of(Path model, Path rows, Path out, List<Object> keysAndValues)
      throws IOException {
    List<Object> all = new ArrayList<>(List.of("batch_size", 3)); // unless the others say
    all.addAll(keysAndValues);
    all.addAll(List.of("steps", 4, "schedule", "constant", "warmup", "0"));
    all.addAll(List.of("shuffle", false, "compute", "fp32"));
    TinyRun.run(TinyRun.settings(model, rows, out, all.toArray()));
    return TinyRun.metrics(out, "loss");
  }

  /// Holds a figure of a step to a tolerance, of 1 or of a larger value.
  static void hold(JsonNode step, JsonNode all, String key, int at, double tolerance) {
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

  /// Holds the first numbers of tensors of a trained adapter.
  ///
  /// @param trained tensor → numbers
  static void hold(Path out, JsonNode trained, double tolerance) {
    assertThat(trained.isObject()).isTrue();
    try (SafeTensors adapter = SafeTensors.open(out.resolve("adapter_model.safetensors"))) {
      for (String tensor : trained.propertyNames()) {
        MemorySegment bytes = adapter.bytes(tensor);
        for (int i = 0; i < trained.path(tensor).size(); i++) {
          double value = bytes.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
          assertThat(value)
              .as("%s[%d]", tensor, i)
              .isCloseTo(trained.path(tensor).path(i).asDouble(), within(tolerance));
        }
      }
    }
  }
}
