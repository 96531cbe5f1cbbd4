package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Trains all weights by the command: with each optimiser, with its state in a file, on plain text.
class FullTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String TEXT = "{\"text\": \"the pump reads seven bar under pressure\"}\n";

  @TempDir private Path folder;
  private Place place;

  @BeforeEach
  void fill() throws IOException {
    place = Place.in(folder);
  }

  private Ran full(String out, String... more) {
    List<String> flags = new ArrayList<>(List.of("--method", "full", "--out", "D/" + out, "-q"));
    flags.addAll(List.of(more));
    return place.train(flags.toArray(String[]::new));
  }

  private static JsonNode read(Ran ran) {
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err()).isEmpty();
    return JSON.readTree(ran.out());
  }

  private List<JsonNode> steps(String out) throws IOException {
    return Files.readAllLines(place.path(out + "/metrics.jsonl")).stream()
        .map(JSON::readTree)
        .filter(line -> line.has("loss"))
        .toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"adamw", "adamw-8bit"})
  void theModelThatIsWrittenKnowsTheRows(String optimizer) {
    JsonNode before = read(place.answer("score", "--json", "-q"));
    read(
        full(
            "out", "--optimizer", optimizer, "--learning-rate", "5e-3", "--steps", "30", "--json"));
    JsonNode after = read(place.answer("score", "--model", "D/out", "--json", "-q"));
    assertThat(after.get("loss").asDouble()).isLessThan(0.1 * before.get("loss").asDouble());
    assertThat(after.get("greedy").asInt()).isEqualTo(3);
    Ran text = place.answer("generate", "--model", "D/out", "--prompt", "the pump", "-q");
    assertThat(text).isEqualTo(new Ran(0, " reads seven bar\n", ""));
  }

  /// Memory is taken away until only a state in a file fits; the run then writes the bytes of one
  /// that had all the memory there is.
  @ParameterizedTest
  @ValueSource(strings = {"adamw", "adamw-8bit"})
  void aStateInAFileGivesTheSameModel(String optimizer) throws IOException {
    place.write("one.jsonl", TEXT);
    List<String> flags =
        new ArrayList<>(List.of("--data", "D/one.jsonl", "--batch-size", "1", "--steps", "4"));
    flags.addAll(List.of("--warmup", "0"));
    flags.addAll(List.of("--optimizer", optimizer, "--learning-rate", "1e-2"));
    JsonNode roomy = read(full("roomy", with(flags, "--json"))).get("plan");
    assertThat(roomy.at("/bytes/optimizer").asLong()).isPositive();
    JsonNode plan = roomy;
    long memory = 0;
    for (int i = 0; i < 100 && plan.at("/bytes/optimizer_paged").asLong() == 0; i++) {
      memory = plan.get("total_bytes").asLong() - 1;
      plan = read(full("paged", with(flags, "--dry-run", "--json", "--memory", "" + memory)));
      plan = plan.get("plan");
    }
    assertThat(plan.at("/bytes/optimizer").asLong()).isZero();
    assertThat(plan.at("/bytes/optimizer_paged").asLong())
        .isEqualTo(roomy.at("/bytes/optimizer").asLong());
    JsonNode run = read(full("paged", with(flags, "--json", "--memory", "" + memory)));
    assertThat(run.get("plan")).isEqualTo(plan);
    assertThat(run.get("state").asString()).isEqualTo("finished");
    assertThat(place.path("paged/model.safetensors"))
        .hasSameBinaryContentAs(place.path("roomy/model.safetensors"));
    try (var files = Files.list(place.path("paged"))) { // no page is left behind
      assertThat(files.map(f -> f.getFileName().toString()).sorted())
          .containsExactly(
              "config.json",
              "events.jsonl",
              "generation_config.json",
              "loss.svg",
              "metrics.jsonl",
              "model.safetensors",
              "run.json",
              "tokenizer.json",
              "tokenizer_config.json");
    }
  }

  private static String[] with(List<String> flags, String... more) {
    List<String> all = new ArrayList<>(flags);
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  /// Continued pre-training: of a text every token but the first is trained, and the end token.
  @Test
  void plainTextIsLearnedWhole() throws IOException {
    place.write("text.jsonl", TEXT);
    JsonNode run =
        read(
            full(
                "out",
                "--data",
                "D/text.jsonl",
                "--learning-rate",
                "5e-3",
                "--steps",
                "40",
                "--json"));
    List<JsonNode> steps = steps("out");
    assertThat(steps).hasSize(40);
    for (JsonNode step : steps) {
      assertThat(step.get("trained_tokens").asInt()).isEqualTo(step.get("tokens").asInt() - 1);
    }
    assertThat(steps.getLast().get("loss").asDouble())
        .isLessThan(0.1 * steps.getFirst().get("loss").asDouble());
    assertThat(run.get("trained_parameters")).isEqualTo(run.get("all_parameters"));
    Ran text = place.answer("generate", "--model", "D/out", "--prompt", "the pump", "-q");
    assertThat(text).isEqualTo(new Ran(0, " reads seven bar under pressure\n", ""));

    JsonNode split =
        read(
            full(
                "split",
                "--data",
                "D/text.jsonl",
                "--max-length",
                "8",
                "--split",
                "--warmup",
                "0",
                "--dry-run",
                "--json"));
    assertThat(split.get("rows").asInt()).isGreaterThan(1);
    assertThat(split.get("trained_tokens").asInt())
        .isEqualTo(split.get("tokens").asInt() - split.get("rows").asInt());
  }
}
