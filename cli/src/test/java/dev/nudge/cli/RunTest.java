package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Goldens;
import dev.nudge.cli.console.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Runs `train`, then `score` and `generate` on what it made, as a user does: names of files and
/// keys are those that scripts rely on.
class RunTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String[] SETTINGS = {
    "--rank",
    "8",
    "--learning-rate",
    "1e-2",
    "--steps",
    "30",
    "--eval-data",
    "D/rows.jsonl",
    "--eval-steps",
    "10"
  };

  @TempDir static Path folder;
  static Place place;
  static Ran trained;

  @TempDir Path own;

  @BeforeAll
  static void train() throws IOException {
    place = Place.in(folder);
    trained = place.train(with(SETTINGS, "--json"));
    assertThat(trained.code()).as(trained.err()).isZero();
  }

  @Test
  void theFilesOfARunAreThere() throws IOException {
    try (Stream<Path> files = Files.list(place.path("out"))) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "adapter_model.safetensors",
              "adapter_config.json",
              "nudge.json",
              "tokenizer.json",
              "tokenizer_config.json",
              "run.json",
              "metrics.jsonl",
              "events.jsonl",
              "loss.svg");
    }
    assertThat(place.path("out/tokenizer.json"))
        .hasSameBinaryContentAs(place.path("model/tokenizer.json"));
    JsonNode config = json(place, "out/adapter_config.json");
    JsonNode written = JSON.readTree(Files.readString(Goldens.FOLDER.resolve("peft/written.json")));
    assertThat(config.propertyNames())
        .containsExactlyInAnyOrderElementsOf(
            written.get("keys_of_peft_0_10").valueStream().map(JsonNode::asString).toList());
    assertThat(config.get("r").asInt()).isEqualTo(8);
    assertThat(config.get("target_modules").valueStream().map(JsonNode::asString))
        .containsExactly(
            "down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj");
  }

  @Test
  void theAdapterKnowsItsBase() throws IOException {
    JsonNode is = json(place, "out/nudge.json");
    assertThat(is.get("version").asInt()).isEqualTo(1);
    assertThat(is.get("base").valueStream().map(JsonNode::asString))
        .containsExactly("sha256:d4d87c1fb2fd89b02972f51fa055e0eafa6d81b95404054161cd46dbe59f6a00");
    assertThat(is.get("quantization").get("method").asString()).isEqualTo("none");
    assertThat(is.get("tokenizer").asString()).startsWith("sha256:");
    assertThat(is.get("template").isNull()).isTrue();
    assertThat(is.get("data").get("rows").asInt()).isEqualTo(3);
    assertThat(place.answer("score", "--adapter", "D/out", "-q").err()).doesNotContain("warning");
    assertThat(place.answer("score", "--adapter", "D/out", "-q", "--quantize", "nf4").err())
        .startsWith(
            "nudge: warning: adapter D/out was trained on dense weights; this model has weights in"
                + " nf4 with double quantisation\n");
  }

  @Test
  void runJsonIsWhatIsPrinted() throws IOException {
    JsonNode run = json(place, "out/run.json");
    assertThat(trained.out()).hasLineCount(1);
    assertThat(JSON.readTree(trained.out())).isEqualTo(run);
    assertThat(run.propertyNames())
        .contains(
            "id",
            "state",
            "settings",
            "plan",
            "trained_parameters",
            "all_parameters",
            "versions",
            "machine",
            "totals");
    assertThat(run.get("state").asString()).isEqualTo("finished");
    assertThat(run.at("/settings/rank").asInt()).isEqualTo(8);
    assertThat(run.at("/settings/alpha").asDouble()).isEqualTo(32);
    assertThat(run.at("/settings/learning_rate").asDouble()).isEqualTo(1e-2);
    assertThat(run.at("/settings/eval_steps").asInt()).isEqualTo(10);
    assertThat(run.at("/totals/steps").asInt()).isEqualTo(30);
  }

  @Test
  void metricsHaveARowAStepAndAHeldOutLoss() throws IOException {
    List<JsonNode> rows = metrics(place);
    List<JsonNode> steps = rows.stream().filter(r -> r.has("loss")).toList();
    List<JsonNode> held = rows.stream().filter(r -> r.has("eval_loss")).toList();
    assertThat(rows).hasSize(steps.size() + held.size());
    assertThat(steps).hasSize(30);
    for (int i = 0; i < steps.size(); i++) {
      assertThat(steps.get(i).propertyNames())
          .containsExactly(
              "step",
              "loss",
              "lr",
              "grad_norm",
              "tokens",
              "trained_tokens",
              "seconds",
              "tokens_per_s",
              "rss_anon_mb");
      assertThat(steps.get(i).get("step").asInt()).isEqualTo(i + 1);
      double x = i == 0 ? 1 : 1 - (i - 1) / 29.0; // one step of warm-up, ⌈0.03 · 30⌉
      assertThat(steps.get(i).get("lr").asDouble()).isCloseTo(1e-2 * x, within(1e-15));
    }
    assertThat(held.stream().map(r -> r.get("step").asInt())).containsExactly(0, 10, 20, 30);
    assertThat(held)
        .allSatisfy(
            r -> assertThat(r.propertyNames()).containsExactly("step", "eval_loss", "eval_tokens"));
    JsonNode first = steps.getFirst();
    // a loss is that before the update, and the rows are the held-out rows: the same three times
    double before = held.getFirst().get("eval_loss").asDouble();
    assertThat(first.get("loss").asDouble()).isCloseTo(before, within(1e-5));
    assertThat(held.getLast().get("eval_loss").asDouble()).isLessThan(0.5);
    JsonNode summary = summary(place, "--data", "D/rows.jsonl");
    assertThat(summary.get("loss").asDouble()).isCloseTo(before, within(1e-5));
    assertThat(summary.get("tokens")).isEqualTo(first.get("trained_tokens"));
  }

  @Test
  void scoreTellsWhatWasLearned() throws IOException {
    JsonNode summary = summary(place, "--adapter", "D/out");
    assertThat(summary.propertyNames())
        .containsExactly("rows", "bad_rows", "tokens", "logprob", "loss", "greedy");
    assertThat(summary.get("rows").asInt()).isEqualTo(3);
    assertThat(summary.get("greedy").asInt()).isEqualTo(3);
    double last = metrics(place).getLast().get("eval_loss").asDouble();
    assertThat(summary.get("loss").asDouble()).isCloseTo(last, within(1e-5));
    List<JsonNode> rows = lines(place.answer("score", "--adapter", "D/out"));
    assertThat(rows).hasSize(3);
    for (int i = 0; i < 3; i++) {
      assertThat(rows.get(i).propertyNames())
          .containsExactly("index", "tokens", "logprob", "greedy");
      assertThat(rows.get(i).get("index").asInt()).isEqualTo(i);
    }
  }

  @Test
  void generateAnswersWithTheAdapter() throws IOException {
    List<JsonNode> scored = lines(place.answer("score", "--adapter", "D/out"));
    List<JsonNode> rows = lines(place.answer("generate", "--adapter", "D/out"));
    List<String> answers = List.of(" reads seven bar", " leaks", " valve");
    for (int i = 0; i < 3; i++) {
      JsonNode row = rows.get(i);
      assertThat(row.propertyNames()).containsExactly("index", "completion", "tokens", "stop");
      assertThat(row.get("completion").asString()).isEqualTo(answers.get(i));
      assertThat(row.get("stop").asString()).isEqualTo("eos");
      assertThat(row.get("tokens")).isEqualTo(scored.get(i).get("tokens")); // the end token too
    }
    Ran text = place.answer("generate", "--adapter", "D/out", "--prompt", "the pump", "-q");
    assertThat(text).isEqualTo(new Ran(0, " reads seven bar\n", ""));
  }

  @Test
  void scoreShowsTheAnswersThatGenerateGives() throws IOException {
    Place other = Place.in(own).copy(place.path("out"), "out");
    other.write(
        "rows.jsonl",
        """
        {"prompt": "the pump", "completion": " leaks"}
        {"prompt": "the seal under pressure", "completion": " leaks"}
        {"prompt": "a", "completion": " reads"}
        """);
    List<JsonNode> given = lines(other.answer("generate", "--adapter", "D/out"));
    String plain = other.answer("score", "--adapter", "D/out").out();
    for (String which : List.of("wrong", "all")) {
      JsonNode summary = summary(other, "--adapter", "D/out", "--show", which);
      JsonNode shown = summary.get("shown");
      assertThat(shown.valueStream().map(r -> r.get("index").asInt()))
          .isEqualTo(which.equals("all") ? List.of(0, 1, 2) : List.of(0, 2));
      for (JsonNode row : shown) {
        assertThat(row.propertyNames())
            .containsExactly("index", "file", "line", "prompt", "expected", "answer");
        JsonNode answer = given.get(row.get("index").asInt()).get("completion");
        assertThat(row.get("answer")).isEqualTo(answer);
      }
      assertThat(shown.get(0).get("expected").asString()).isEqualTo(" leaks");
      assertThat(summary.get("confusions"))
          .isEqualTo(
              JSON.readTree(
                  """
                  [{"expected": "leaks", "answer": "leaks", "rows": 1},
                   {"expected": "leaks", "answer": null, "rows": 1},
                   {"expected": "reads", "answer": null, "rows": 1}]
                  """));
      Ran seen = other.answer("score", "--adapter", "D/out", "--show", which);
      assertThat(seen.out()).isEqualTo(plain); // its lines stay as they are
      assertThat(seen.err())
          .contains(
              "D/rows.jsonl line 1  \"the pump\"\n"
                  + "  expected  \" leaks\"\n"
                  + "  answered  \" reads seven bar\"\n",
              "EXPECTED  ANSWERED      ROWS\n"
                  + "\"leaks\"   \"leaks\"       1\n"
                  + "\"leaks\"   another text  1\n");
    }
    Ran texts =
        other
            .write("texts.jsonl", "{\"text\": \"the pump\"}\n")
            .answer("score", "--data", "D/texts.jsonl", "--show", "all");
    assertThat(texts)
        .isEqualTo(
            new Ran(
                2,
                "",
                "nudge: --show needs rows with prompts, and these are plain text; give rows of"
                    + " prompt and completion or of messages, or leave it out\n"));
  }

  @Test
  void theSystemMessageOfTrainingIsRememberedAndMissed() throws IOException {
    Place other = Place.in(own);
    String row =
        "{\"messages\": [%s{\"role\": \"user\", \"content\": \"the pump\"}, {\"role\":"
            + " \"assistant\", \"content\": \"leaks\"}]}\n";
    String system = "{\"role\": \"system\", \"content\": \"be seven\"}, ";
    other.write("led.jsonl", row.formatted(system).repeat(2));
    other.write("mixed.jsonl", row.formatted(system) + row.formatted(""));
    String[] flags = {"--template", "chatml", "--steps", "1", "--rank", "2", "--warmup", "0", "-q"};
    assertThat(other.train(with(flags, "--data", "D/led.jsonl")).code()).isZero();
    assertThat(other.train(with(flags, "--data", "D/mixed.jsonl", "--out", "D/mixed-out")).code())
        .isZero();
    assertThat(json(other, "out/nudge.json").at("/data/system").asString()).isEqualTo("be seven");
    assertThat(json(other, "mixed-out/nudge.json").at("/data/system").isNull()).isTrue();
    String missed =
        "nudge: warning: adapter D/out was trained with the system message \"be seven\", and gets"
            + " none; set --system, full text in D/out/nudge.json\n";
    String[] chat = {"--adapter", "D/out", "--prompt", "the pump", "--chat", "-q"};
    Ran without = other.answer("generate", chat);
    assertThat(without.err()).isEqualTo(missed);
    assertThat(other.answer("generate", with(chat, "--system", "be six")).err())
        .isEqualTo(missed.replace("gets none", "gets another"));
    Ran told = other.answer("generate", with(chat, "--system", "be seven", "--logprobs"));
    assertThat(told.err()).isEmpty();
    assertThat(told.out()).isNotEqualTo(other.answer("generate", with(chat, "--logprobs")).out());
    String[] rows = {"--adapter", "D/out", "-q", "--logprobs", "--data"};
    Ran led = other.answer("generate", with(rows, "D/led.jsonl"));
    assertThat(led.err()).isEmpty();
    Ran given = other.answer("generate", with(rows, "D/mixed.jsonl", "--system", "be seven"));
    assertThat(given).isEqualTo(led);
    Ran asked = other.answer("generate", with(rows, "D/mixed.jsonl"));
    assertThat(asked.err()).isEqualTo(missed);
    Ran texts = other.answer("generate", "--system", "be seven", "-q", "--max-tokens", "1");
    assertThat(texts.err())
        .isEqualTo(
            "nudge: warning: --system is not used: no row has messages, and all are read as they"
                + " stand; --chat says them to the model as a user\n");
    assertThat(other.answer("generate", "--prompt", "a", "--system", "b"))
        .isEqualTo(
            new Ran(
                2,
                "",
                "nudge: --system is given for a prompt that stands as it is; add --chat to say both"
                    + " to the model, or leave --system out\n"));
  }

  /// What `plan` prints of a layout is what a dry run prints of it.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "--compute fp32",
        "--compute fp32 --quantize nf4 --rank 4",
        "--compute fp32 --method full --optimizer adamw-8bit",
        "--compute auto --memory 400M --batch-size 2",
        "--compute fp32 --memory 300M --eval-data D/rows.jsonl"
      })
  void planAndDryRunAgreeToTheByte(String flags) throws IOException {
    Place place = Place.in(own);
    List<String> common = new ArrayList<>(List.of("--model", "D/model", "--data", "D/rows.jsonl"));
    common.addAll(List.of(flags.split(" ")));
    if (!common.contains("--memory")) {
      common.addAll(List.of("--memory", "1G")); // what is free changes between two commands
    }
    common.add("--json");
    List<String> plan = new ArrayList<>(List.of("plan", "--no-probe"));
    plan.addAll(common);
    List<String> train = new ArrayList<>(List.of("train", "--out", "D/out", "--dry-run"));
    train.addAll(common);
    Ran planned = place.run(plan.toArray(String[]::new));
    Ran dry = place.run(train.toArray(String[]::new));
    assertThat(planned.code()).as(planned.err()).isZero();
    assertThat(dry.code()).as(dry.err()).isZero();
    for (String key : List.of("plan", "trained_parameters", "share")) {
      assertThat(JSON.readTree(planned.out()).get(key))
          .as(key)
          .isNotNull()
          .isEqualTo(JSON.readTree(dry.out()).get(key));
    }
  }

  @Test
  void theFileOfARunIsPlannedAsItIs() throws IOException {
    Place place = Place.in(own);
    place.write(
        "run.yaml",
        "model: %1$s/model\ndata: %1$s/rows.jsonl\nout: %1$s/out\nsteps: 20\nseed: 3\nmemory: 1G\n"
            .formatted(own));
    Ran planned = place.run("plan", "--config", "D/run.yaml", "--json");
    assertThat(planned.code()).as(planned.err()).isZero();
    JsonNode plan = JSON.readTree(planned.out());
    assertThat(plan.get("hours").asDouble())
        .isCloseTo(20 * plan.get("seconds_per_step").asDouble() / 3600, within(1e-12));
    assertThat(place.run("plan", "--config", "D/run.yaml", "--epochs", "2", "--no-probe").code())
        .isZero(); // as train, where a flag wins over the file
    assertThat(place.run("plan", "--model", "D/model", "--steps", "2", "--epochs", "2").err())
        .startsWith("nudge: --steps and --epochs are both given");
    place.edit("run.yaml", "seed", "sead");
    assertThat(place.run("plan", "--config", "D/run.yaml").err())
        .startsWith("nudge: D/run.yaml: unknown key 'sead'");
  }

  @Test
  void aPlanThatDoesNotFitEndsAsTheRunWouldAndStillPrintsItsTable() throws IOException {
    Place place = Place.in(own);
    List<String> common =
        List.of("--model", "D/model", "--data", "D/rows.jsonl", "--memory", "20M");
    List<String> plan = new ArrayList<>(List.of("plan", "--no-probe"));
    plan.addAll(common);
    Ran planned = place.run(plan.toArray(String[]::new));
    assertThat(planned.code()).isEqualTo(ExitCode.WRONG);
    assertThat(planned.out()).contains("does not fit: ").contains("would fit with --memory");
    plan.add("--json");
    Ran object = place.run(plan.toArray(String[]::new));
    assertThat(object.code()).isEqualTo(ExitCode.WRONG);
    assertThat(JSON.readTree(object.out()).path("fits").asBoolean(true)).isFalse();
    List<String> train = new ArrayList<>(List.of("train", "--out", "D/out", "--dry-run"));
    train.addAll(common);
    assertThat(place.run(train.toArray(String[]::new)).code()).isEqualTo(ExitCode.WRONG);
    plan.set(plan.indexOf("20M"), "1G");
    assertThat(place.run(plan.toArray(String[]::new)).code()).isZero();
  }

  @Test
  void aDryRunSaysWhatWouldHappenAndWritesNothing() throws IOException {
    Place dry = Place.in(own);
    Map<String, String> before = dry.listing();
    Ran lines = dry.train(with(SETTINGS, "--dry-run"));
    assertThat(lines.code()).isZero();
    assertThat(lines.out()).contains("data ", "run ", "adapter ", "memory ");
    Ran object = dry.train(with(SETTINGS, "--dry-run", "--json"));
    assertThat(object.out()).hasLineCount(1);
    JsonNode plan = JSON.readTree(object.out());
    assertThat(plan.propertyNames())
        .contains("rows", "tokens", "trained_tokens", "steps", "trained_parameters", "plan");
    assertThat(plan.get("rows").asInt()).isEqualTo(3);
    assertThat(plan.get("steps").asInt()).isEqualTo(30);
    JsonNode run = json(place, "out/run.json");
    assertThat(plan.get("plan")).isEqualTo(run.get("plan"));
    assertThat(plan.get("trained_parameters")).isEqualTo(run.get("trained_parameters"));
    assertThat(dry.listing()).isEqualTo(before);
  }

  private static JsonNode summary(Place place, String... flags) {
    Ran ran = place.answer("score", with(flags, "--json", "-q"));
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out()).hasLineCount(1);
    assertThat(ran.err()).isEmpty();
    return JSON.readTree(ran.out());
  }

  private static List<JsonNode> lines(Ran ran) {
    assertThat(ran.code()).as(ran.err()).isZero();
    return ran.out().lines().map(JSON::readTree).toList();
  }

  private static List<JsonNode> metrics(Place place) throws IOException {
    return Files.readAllLines(place.path("out/metrics.jsonl")).stream()
        .map(JSON::readTree)
        .toList();
  }

  private static JsonNode json(Place place, String name) throws IOException {
    return JSON.readTree(Files.readString(place.path(name)));
  }

  private static String[] with(String[] flags, String... more) {
    return Stream.concat(Stream.of(flags), Stream.of(more)).toArray(String[]::new);
  }
}
