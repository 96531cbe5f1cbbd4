package dev.nudge.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.format.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class HarnessTest {
  @TempDir Path folder;

  @Test
  void bothSidesAreReadFromWhatTheyWrite() {
    HarnessSide peer =
        HarnessSide.of(
            Json.parse(
                "{\"task\":\"answers\",\"batch\":\"8\",\"seconds\":12.5,\"requests\":72,\"numbers\":{\"acc\":0.25}}"));
    HarnessSide ours =
        HarnessSide.of(
            Json.parse(
                "{\"results\":{\"answers\":{\"alias\":\"answers\",\"acc,none\":0.25,\"acc_stderr,none\":0.09}},"
                    + "\"total_evaluation_time_seconds\":\"4.5\"}"),
            "answers",
            72);
    assertThat(peer).isEqualTo(new HarnessSide(12.5, 72, Map.of("acc", 0.25)));
    assertThat(ours).isEqualTo(new HarnessSide(4.5, 72, Map.of("acc", 0.25)));
    assertThat(ours.apart(peer)).isZero();
  }

  @Test
  void numbersThatDifferAreSeen() {
    HarnessSide one = new HarnessSide(1, 1, Map.of("acc", 0.25, "word_perplexity", 200.0));
    HarnessSide other = new HarnessSide(1, 1, Map.of("acc", 0.25, "word_perplexity", 201.0));
    assertThat(one.apart(other))
        .isCloseTo(Math.log(201.0 / 200) / Math.log(201), within(1e-12))
        .isGreaterThan(1e-4);
    assertThat(one.apart(new HarnessSide(1, 1, Map.of("acc", 0.26, "word_perplexity", 200.0))))
        .isCloseTo(0.01, within(1e-12));
    assertThat(one.apart(new HarnessSide(1, 1, Map.of("acc", 0.25)))).isNaN();
    HarnessSide none = new HarnessSide(1, 1, Map.of());
    assertThat(none.apart(none)).isNaN();
  }

  @ParameterizedTest
  @EnumSource
  void aTaskHasItsDocumentsAndItsFile(HarnessTask task) throws IOException {
    data();
    task.write(folder, folder.resolve("out"));
    List<String> documents =
        Files.readAllLines(folder.resolve("out").resolve(task.id() + ".jsonl"));
    assertThat(documents).hasSize(task.documents).doesNotHaveDuplicates();
    Path file = Path.of("peer").resolve("tasks").resolve(task.id() + ".yaml");
    assertThat(Files.readString(file))
        .contains("task: " + task.id() + "\n")
        .contains("test: " + task.id() + ".jsonl");
  }

  @Test
  void theRightConclusionIsTheAbstractsOwn() {
    data();
    HarnessTask.CONCLUSIONS.write(folder, folder.resolve("out"));
    List<Map<String, Object>> documents = HarnessTask.CONCLUSIONS.documents(folder);
    for (Map<String, Object> document : documents) {
      List<?> choices = (List<?>) Objects.requireNonNull(document.get("choices"));
      int label = (Integer) Objects.requireNonNull(document.get("label"));
      String right = String.valueOf(choices.get(label));
      assertThat(choices.stream().distinct()).hasSize(4);
      assertThat(right.replace("long ", "context "))
          .isEqualTo(String.valueOf(document.get("context")));
    }
    assertThat(documents.stream().map(d -> d.get("label")).distinct()).hasSize(4);
  }

  @Test
  void aSetWithTooFewRowsIsRefused() {
    data();
    lines("medical-pubmedqa/test.jsonl", List.of("{}"));
    assertThatThrownBy(() -> HarnessTask.ANSWERS.documents(folder))
        .hasMessageContaining("has 1 rows; 24 are needed");
  }

  private void data() {
    List<String> answers = List.of("yes", "no", "maybe");
    lines(
        "medical-pubmedqa/test.jsonl",
        IntStream.range(0, 60)
            .mapToObj(
                i ->
                    "{\"context\":\"context %1$d\",\"question\":\"q %1$d\",\"answer\":\"%2$s\",\"long_answer\":\"long %1$d\"}"
                        .formatted(i, answers.get(i % 3)))
            .toList());
    for (String split : List.of("train", "test")) {
      List<String> rows = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        rows.add(
            "{\"text\":\"%s %d\",\"domain\":\"%s\"}"
                .formatted(split, i, i % 2 == 0 ? "home" : "oos"));
      }
      lines("support-clinc150/" + split + ".jsonl", rows);
    }
  }

  private void lines(String name, List<String> lines) {
    try {
      Files.createDirectories(folder.resolve(name).getParent());
      Files.write(folder.resolve(name), lines);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
