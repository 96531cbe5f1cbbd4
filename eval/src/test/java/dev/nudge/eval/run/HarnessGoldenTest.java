package dev.nudge.eval.run;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.eval.run.TaskScores.Scored;
import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.tensor.Ledger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Runs task files and holds every number, every request and every answer to those of
/// lm-evaluation-harness on the same model in fp32 (`lm_eval_cases.py`).
class HarnessGoldenTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path CASES = GOLDEN.resolve("lm-eval");
  private static final Path MODEL = Goldens.MODEL;
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");
  private static final int RESAMPLES = 2000; // as the script has them

  /// A number of the harness follows from log-probabilities in fp32: sums of hundreds of tokens.
  private static final double LOGPROB = 1e-4;

  private static final double NUMBER = 1e-6;
  private static final double PERPLEXITY = 4e-6;
  private static final double PERPLEXITY_STDERR = 1e-5;

  private static final List<String> RIGHT_OR_WRONG =
      List.of("acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match");

  private final long before = Ledger.bytes();

  @TempDir Path folder;

  @AfterEach
  void nothingIsLeft() {
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  @Test
  void everyOutputTypeFilterAndMetricHasTheHarnesssNumbers() {
    Outcome outcome =
        check(
            "plain",
            MODEL,
            Map.of(
                "tasks",
                List.of(
                    "suite,listed,same_split,blank,last_word,greedy,prose,sums,sums_plain,votes",
                    "letter_out,lines,many,prefixed,prefixed_choice")));
    assertThat(outcome.main().tasks()).hasSize(19);
  }

  @Test
  void aLimitAndOtherShotsAreThoseOfTheHarness() {
    check(
        "limited",
        MODEL,
        Map.of("tasks", List.of("drawn,yesno,many,several"), "limit", 5, "num_fewshot", 2));
  }

  @Test
  void anAdapterBesideItsBaseHasTheHarnesssNumbers() {
    Outcome outcome =
        check(
            "adapter",
            MODEL,
            Map.of(
                "tasks", List.of("yesno,listed,sums,prose,last_word"), "adapter", Goldens.ADAPTER));
    assertThat(outcome.models())
        .extracting(ModelResults::name)
        .containsExactly(Evaluation.BASE, Evaluation.ADAPTER);
  }

  @Test
  void choicesAreMeasuredByTheirCharactersAndByTheirBytes() {
    check("lengths", MODEL, Map.of("tasks", List.of("lengths")));
  }

  /// Of a number that is 0 everywhere, or the same as another one, the goldens would say nothing.
  @Test
  void eachMetricThatIsRightOrWrongIsBothSomewhere() {
    Map<String, Set<Double>> values = new TreeMap<>();
    Set<List<Double>> lengths = new HashSet<>(); // by characters, by bytes
    for (String run : List.of("plain", "limited", "adapter", "chat", "chat_one_turn", "lengths")) {
      for (JsonNode task : Json.read(CASES.resolve(run + ".json")).path("samples")) {
        for (JsonNode sample : task) {
          String kind = sample.path("resps").size() > 1 ? "choices " : "text ";
          for (String metric : RIGHT_OR_WRONG) {
            if (sample.has(metric)) {
              values
                  .computeIfAbsent(kind + metric, key -> new TreeSet<>())
                  .add(sample.path(metric).doubleValue());
            }
          }
          lengths.add(
              List.of(sample.path("acc_norm").asDouble(-1), sample.path("acc_bytes").asDouble(-1)));
        }
      }
    }
    assertThat(values).hasSize(RIGHT_OR_WRONG.size() + 2);
    assertThat(values.values()).allSatisfy(found -> assertThat(found).contains(0.0, 1.0));
    assertThat(lengths).contains(List.of(0.0, 1.0), List.of(1.0, 0.0));
  }

  @Test
  void promptsInAChatAreThoseOfTheHarness() throws IOException {
    Map<String, Object> spoken =
        Map.of(
            "tasks",
            List.of("listed,prefixed,prefixed_choice,blank,sums_plain,last_word"),
            "limit",
            4,
            "apply_chat_template",
            true,
            "system_instruction",
            "Be terse.");
    check("chat", chatModel(), spoken);
  }

  @Test
  void promptsOfOneTurnAreThoseOfTheHarness() throws IOException {
    check(
        "chat_one_turn",
        chatModel(),
        Map.of(
            "tasks",
            List.of("listed,prefixed,prefixed_choice,blank,sums_plain,last_word"),
            "limit",
            4,
            "apply_chat_template",
            true,
            "fewshot_as_multiturn",
            false));
  }

  private Path chatModel() throws IOException {
    Path model = Files.createDirectories(folder.resolve("chat-model"));
    try (Stream<Path> files = Files.list(MODEL)) {
      for (Path file : files.toList()) {
        Files.copy(file, model.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    Files.copy(CASES.resolve("chat_template.jinja"), model.resolve("chat_template.jinja"));
    return model;
  }

  private Outcome check(String run, Path model, Map<String, Object> more) {
    Map<String, Object> values = new LinkedHashMap<>(more);
    values.put("model", model);
    values.put("compute", "fp32");
    values.put("tasks_dir", CASES.resolve("tasks").toString());
    values.put("data_dir", CASES.resolve("data"));
    values.put("out", folder.resolve(run));
    Outcome outcome =
        Evaluation.of(EvaluateSettings.of(values), MACHINE, RESAMPLES, new Evaluation.Watcher() {});
    JsonNode golden = Json.read(CASES.resolve(run + ".json"));
    samples(golden.path("samples"), outcome.main());
    JsonNode written = Json.read(folder.resolve(run).resolve("results.json"));
    for (String key : List.of("results", "groups")) {
      numbers(key, golden.path(key), written.path(key));
    }
    for (String key :
        List.of("versions", "group_subtasks", "n-shot", "higher_is_better", "n-samples")) {
      same(key, golden.path(key), written.path(key));
    }
    return outcome;
  }

  private static void same(String place, JsonNode golden, JsonNode found) {
    Map<String, String> expected = new TreeMap<>();
    golden.properties().forEach(e -> expected.put(e.getKey(), e.getValue().toString()));
    Map<String, String> actual = new TreeMap<>();
    found
        .properties()
        .forEach(
            e -> {
              actual.put(e.getKey(), e.getValue().toString());
            });
    assertThat(actual.keySet()).as(place).isEqualTo(expected.keySet());
    actual.forEach(
        (key, value) ->
            assertThat(Json.parse(value))
                .as(place + " " + key)
                .isEqualTo(Json.parse(requireNonNull(expected.get(key)))));
  }

  private static void numbers(String place, JsonNode golden, JsonNode found) {
    List<String> expected = golden.propertyNames().stream().sorted().toList();
    assertThat(found.propertyNames().stream().sorted().toList()).as(place).isEqualTo(expected);
    for (String name : expected) {
      JsonNode want = golden.path(name);
      JsonNode have = found.path(name);
      assertThat(new ArrayList<>(have.propertyNames()))
          .as(place + " " + name)
          .containsExactlyInAnyOrderElementsOf(want.propertyNames());
      want.properties()
          .forEach(
              e -> {
                String at = place + " " + name + " " + e.getKey();
                JsonNode value = have.path(e.getKey());
                if (e.getValue().isNumber()) {
                  double number = e.getValue().doubleValue();
                  assertThat(value.doubleValue())
                      .as(at)
                      .isCloseTo(number, within(tolerance(e.getKey(), number)));
                } else {
                  assertThat(value).as(at).isEqualTo(e.getValue());
                }
              });
    }
  }

  /// 1e-6, of a perplexity in its logarithm. That of documents is of a mean of sums which the
  /// harness has in fp32, where one of −80 is off by 4e-6, and its standard error is of resamples,
  /// to which one such document may be nearly all.
  private static double tolerance(String key, double number) {
    if (!key.contains("perplexity")) {
      return NUMBER;
    }
    boolean documents = key.startsWith("perplexity");
    double relative = key.contains("_stderr") ? PERPLEXITY_STDERR : documents ? PERPLEXITY : NUMBER;
    return relative * Math.abs(number);
  }

  private static void samples(JsonNode golden, ModelResults model) {
    int compared = 0;
    for (String task : golden.propertyNames()) {
      List<Scored> found = requireNonNull(model.tasks().get(task)).samples();
      assertThat(found).as(task).hasSize(golden.path(task).size());
      for (int i = 0; i < found.size(); i++) {
        sample(task + " " + i, golden.path(task).get(i), found.get(i));
        compared++;
      }
    }
    assertThat(compared).isGreaterThan(10);
  }

  private static void sample(String place, JsonNode golden, Scored found) {
    Map<String, Object> row = new LinkedHashMap<>(ResultFiles.row(found));
    List<Object> arguments = new ArrayList<>();
    found.sample().requests().forEach(r -> arguments.add(ResultFiles.arguments(r)));
    assertThat(Json.parse(Json.line(arguments)).toString())
        .as(place + " arguments")
        .isEqualTo(golden.path("arguments").toString());
    assertThat(row.get("doc_id")).as(place).isEqualTo(golden.path("doc_id").intValue());
    assertThat(row.get("filter")).as(place).isEqualTo(golden.path("filter").stringValue());
    for (String hash : List.of("doc_hash", "prompt_hash", "target_hash")) {
      assertThat(row.get(hash)).as(place + " " + hash).isEqualTo(golden.path(hash).stringValue());
    }
    close(place + " target", golden.path("target"), Json.parse(found.sample().target().toString()));
    close(place + " resps", golden.path("resps"), Json.parse(found.answers().toString()));
    close(
        place + " filtered",
        golden.path("filtered_resps"),
        Json.parse(found.filtered().toString()));
    found
        .items()
        .forEach((name, item) -> close(place + " " + name, golden.path(name), item.json()));
  }

  private static void close(String place, JsonNode golden, JsonNode found) {
    if (golden.isArray()) {
      assertThat(found.size()).as(place + ": " + golden + " " + found).isEqualTo(golden.size());
      for (int i = 0; i < golden.size(); i++) {
        close(place + "[" + i + "]", golden.get(i), found.get(i));
      }
    } else if (golden.isNumber()) {
      assertThat(found.doubleValue())
          .as(place)
          .isCloseTo(
              golden.doubleValue(),
              within(LOGPROB * Math.max(1, Math.abs(golden.doubleValue()) / 1000)));
    } else {
      assertThat(found.toString()).as(place).isEqualTo(golden.toString());
    }
  }
}
