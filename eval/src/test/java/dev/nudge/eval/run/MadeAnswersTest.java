package dev.nudge.eval.run;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.eval.task.TaskIndex;
import dev.nudge.eval.task.TaskTree;
import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Scores made-up answers and holds the files that are written to
/// those that lm-evaluation-harness saves of the same ones (`lm_eval_made.py`). No model rounds
/// here, repeats differ, and sums alone may be added in another order.
class MadeAnswersTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/lm-eval-made");
  private static final List<String> TASKS =
      List.of("ballots", "sides", "two_sides", "any_side", "holes", "ends", "pages", "said");
  private static final List<String> SAVED =
      List.of("ballots", "sides", "any_side", "pages", "said");
  private static final int RESAMPLES = 2000; // as the script has them
  private static final double EXACT = 1e-12; // relative

  @TempDir Path folder;

  @BeforeEach
  void score() {
    TaskTree tree = TaskTree.of(TaskIndex.of(List.of(GOLDEN.resolve("tasks"))), TASKS);
    Map<String, TaskScores> scores = new LinkedHashMap<>();
    Path data = GOLDEN.resolve("data");
    tree.tasks()
        .forEach((name, task) -> scores.put(name, MadeAnswers.scored(task, data, RESAMPLES)));
    ResultFiles.write(folder, new ModelResults("base", null, scores, Map.of()), Map.of());
  }

  @Test
  void resultsAreThoseThatTheHarnessSaves() {
    JsonNode golden = Json.read(GOLDEN.resolve("results.json"));
    JsonNode found = Json.read(folder.resolve("results.json"));
    for (String key : golden.propertyNames()) {
      same(key, golden.get(key), requireNonNull(found.get(key), key));
    }
    assertThat(golden.get("results").propertyNames()).containsExactlyElementsOf(TASKS);
  }

  @Test
  void everyLineOfAFileOfSamplesIsTheHarnesss() throws IOException {
    for (String task : SAVED) {
      List<String> golden = lines(GOLDEN, task);
      List<String> found = lines(folder, task);
      assertThat(found).as(task).hasSameSizeAs(golden);
      for (int i = 0; i < golden.size(); i++) {
        JsonNode want = Json.parse(golden.get(i));
        JsonNode have = Json.parse(found.get(i));
        String place = task + " " + i;
        assertThat(names(have.get("metrics")))
            .as(place)
            .containsExactlyInAnyOrderElementsOf(names(want.get("metrics")));
        want.properties().stream()
            .filter(e -> !e.getKey().equals("metrics"))
            .forEach(
                e -> {
                  JsonNode other = have.path(e.getKey());
                  if (e.getKey().equals("brier_score")) {
                    chances(place, e.getValue(), other);
                  } else {
                    same(place + " " + e.getKey(), e.getValue(), other);
                  }
                });
        assertThat(have.propertyNames())
            .as(place)
            .containsExactlyInAnyOrderElementsOf(want.propertyNames());
      }
    }
  }

  /// A median, an F1, a perplexity, or a score of texts that all documents share would hide which
  /// document gave what.
  @Test
  void answersAreRightInSomeDocumentsAndWrongInOthers() {
    JsonNode results = Json.read(GOLDEN.resolve("results.json")).get("results");
    for (String task : TASKS) {
      results
          .get(task)
          .properties()
          .forEach(
              e -> {
                if (e.getKey().matches("(acc|exact_match)(_norm|_mutual_info)?,.*")) {
                  assertThat(e.getValue().doubleValue())
                      .as(task + " " + e.getKey())
                      .isStrictlyBetween(0.0, 1.0);
                }
              });
    }
    List<Double> votes =
        Stream.of("first", "two", "vote", "vote_of_three", "vote_of_numbers")
            .map(filter -> results.get("ballots").get("exact_match," + filter).doubleValue())
            .toList();
    assertThat(votes).containsExactly(0.25, 0.375, 0.5, 0.375, 0.25);
  }

  private static List<String> lines(Path folder, String task) throws IOException {
    return Files.readAllLines(folder.resolve("samples_" + task + ".jsonl"));
  }

  private static List<String> names(JsonNode list) {
    return list.valueStream().map(JsonNode::stringValue).toList();
  }

  /// Chances stand in the harness's file as numpy prints them, with nine digits.
  private static void chances(String place, JsonNode golden, JsonNode found) {
    assertThat(found.get(0)).as(place).isEqualTo(golden.get(0));
    String[] printed =
        golden.get(1).stringValue().replaceAll("[\\[\\]]", " ").strip().split("\\s+");
    assertThat(found.get(1).size()).as(place).isEqualTo(printed.length);
    for (int i = 0; i < printed.length; i++) {
      double chance = Double.parseDouble(printed[i]);
      assertThat(found.get(1).get(i).doubleValue())
          .as(place)
          .isCloseTo(chance, within(1e-8 * chance));
    }
  }

  private static void same(String place, JsonNode golden, JsonNode found) {
    if (golden.isObject()) {
      assertThat(found.propertyNames())
          .as(place)
          .containsExactlyInAnyOrderElementsOf(golden.propertyNames());
      golden
          .properties()
          .forEach(e -> same(place + " " + e.getKey(), e.getValue(), found.path(e.getKey())));
    } else if (golden.isArray()) {
      assertThat(found.size()).as(place).isEqualTo(golden.size());
      for (int i = 0; i < golden.size(); i++) {
        same(place + " " + i, golden.get(i), found.get(i));
      }
    } else if (golden.isNumber()) {
      assertThat(found.isNumber()).as(place + ": " + found).isTrue();
      double number = golden.doubleValue();
      assertThat(found.doubleValue()).as(place).isCloseTo(number, within(EXACT * Math.abs(number)));
    } else {
      assertThat(found).as(place).isEqualTo(golden);
    }
  }
}
