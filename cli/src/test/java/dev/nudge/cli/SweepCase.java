package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// A folder with a model, rows and a sweep's file, for the tests of whole sweeps.
abstract class SweepCase {
  static final String GRID = "grid: {learning_rate: [1e-3, 1e-4, 1e-2], rank: [4, 8]}";

  @TempDir Path folder;
  Place place;

  @BeforeEach
  void fill() throws IOException {
    place = Place.in(folder);
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 24; i++) {
      rows.append(
          "{\"prompt\": \"the %s\", \"completion\": \" reads %s bar\"}%n"
              .formatted("pump ".repeat(1 + i % 5), "seven ".repeat(1 + i % 3)));
    }
    place.write("rows.jsonl", rows.toString());
  }

  final void file(String... more) throws IOException {
    place.write(
        "sweep.yaml",
        """
        base:
          model: %s
          data: %s
          eval_split: 0.25
          compute: fp32
          memory: 1G
          threads: 2
          steps: 12
          batch_size: 4
          eval_steps: 5
          save_steps: 3
        %s
        """
            .formatted(place.path("model"), place.path("rows.jsonl"), String.join("\n", more)));
  }

  final Ran sweep(String out, String... more) {
    List<String> line = new ArrayList<>(List.of("sweep", "D/sweep.yaml", "--out", "D/" + out));
    line.addAll(List.of(more));
    return place.run(line.toArray(String[]::new));
  }

  final JsonNode json(String file) {
    return Json.read(place.path(file));
  }

  /// Holds a setting's adapter to that of `train` with the settings of its run.
  final void assertAsAlone(String name) {
    List<String> line = new ArrayList<>(List.of("train", "--out", "D/alone/" + name, "-q"));
    JsonNode run = json("out/" + name + "/run.json");
    for (JsonNode key : run.path("given")) {
      JsonNode value = run.path("settings").path(key.asString(""));
      if (!Set.of("out", "resume").contains(key.asString(""))) {
        line.add("--" + key.asString("").replace('_', '-'));
        line.add(value.isArray() ? value.path(0).asString("") : value.asString(""));
      }
    }
    Ran alone = place.run(line.toArray(String[]::new));
    assertThat(alone.code()).as(alone.err()).isZero();
    assertThat(place.path("out/" + name + "/adapter_model.safetensors"))
        .hasSameBinaryContentAs(place.path("alone/" + name + "/adapter_model.safetensors"));
  }
}
