package dev.nudge.server.experiments;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What is kept of an experiment that has ended: its sums, and neither units nor requests.
class EndedExperimentTest {
  private static final String SHADOW =
      "{'name': 'tone', 'mode': 'shadow', 'arms': [{'adapter': 'base'}, {'adapter': 'b',"
          + " 'weight': 100}], 'salt': 's'}";

  @TempDir Path folder;
  private final Some.Server server = new Some.Server();
  private Experiments experiments;

  @BeforeEach
  void open() {
    experiments = Experiments.open(folder, server);
  }

  @AfterEach
  void close() {
    experiments.close();
  }

  private Routed asked(int i) {
    Routed routed = requireNonNull(experiments.route("tone", new Unit("user" + i), "r" + i));
    routed.ended(routed.arm(), Some.done("c" + i, 20 + i % 7));
    return routed;
  }

  private void scored(int i, double score) {
    new Feedback(experiments)
        .take(Json.parse("{\"request_id\": \"r%d\", \"score\": %s}".formatted(i, score)));
  }

  /// What was counted, without what an end adds.
  private JsonNode sums() {
    ObjectNode report = (ObjectNode) Json.tree(experiments.show("tone"));
    report.remove("state");
    report.remove("stopped");
    ObjectNode verdict = (ObjectNode) report.get("verdict");
    verdict.remove("state"); // collecting, then undecided
    String reason = verdict.get("reason").asString();
    verdict.put("reason", reason.replace("it was stopped without a verdict: ", ""));
    return report;
  }

  private void create() {
    experiments.create(Json.parse(Some.AB.replace('\'', '"')));
  }

  @Test
  void unitsAndRequestsAreForgottenAtTheEndAndTheSumsStay() throws IOException {
    create();
    for (int i = 0; i < 300; i++) {
      asked(i);
      scored(i, i % 2);
    }
    assertThat(experiments.remembered("tone")).isEqualTo(900); // a unit, a request, an answer each
    JsonNode before = sums();
    assertThat(before.get("units").asInt()).isEqualTo(300);
    experiments.stop("tone", "B", "enough");
    assertThat(experiments.remembered("tone")).isZero();
    assertThat(sums()).isEqualTo(before);
    Path log = folder.resolve("tone.jsonl");
    long bytes = Files.size(log);
    for (int i = 300; i < 400; i++) {
      assertThat(asked(i).arm().name()).isEqualTo("B");
    }
    assertThatThrownBy(() -> scored(3, 1))
        .isInstanceOf(NoSuchException.class)
        .hasMessageEndingWith("each takes feedback for its last 200,000 requests, until it ends");
    assertThat(Files.size(log)).isEqualTo(bytes);
    experiments.close();
    experiments = Experiments.open(folder, server);
    assertThat(experiments.remembered("tone")).isZero();
    assertThat(sums()).isEqualTo(before);
    assertThat(asked(500).arm().name()).isEqualTo("B");
    assertThat(experiments.remembered("tone")).isZero();
  }

  @Test
  void aVerdictOfWorseForgetsThemToo() {
    create();
    int i = 0;
    for (; i < 3000 && state().equals("running"); i++) {
      Routed routed = asked(i);
      scored(i, routed.arm().name().equals("B") ? 0.1 : 0.9);
      assertThat(experiments.remembered("tone")).isIn(0L, 3L * (i + 1));
    }
    assertThat(state()).isEqualTo("stopped");
    assertThat(i).isGreaterThan(100);
    assertThat(experiments.remembered("tone")).isZero();
    assertThat(Json.tree(experiments.show("tone")).at("/verdict/state").asString())
        .isEqualTo("worse");
    assertThat(server.rolledBack).hasSize(1);
  }

  @Test
  void anAnswerThatEndsAfterTheEndIsNotCounted() throws IOException {
    create();
    for (int i = 0; i < 20; i++) {
      asked(i);
    }
    Routed late = requireNonNull(experiments.route("tone", new Unit("late"), "late"));
    assertThat(late.counts()).isTrue();
    JsonNode before = sums();
    assertThat(before.get("units").asInt()).isEqualTo(21); // it has come, and not ended
    experiments.stop("tone", null, "enough");
    Path log = folder.resolve("tone.jsonl");
    long bytes = Files.size(log);
    late.ended(late.arm(), Some.done("c-late", 1000));
    assertThat(late.await()).isTrue();
    assertThat(sums()).isEqualTo(before);
    assertThat(experiments.remembered("tone")).isZero();
    assertThat(Files.size(log)).isEqualTo(bytes);
    for (String id : List.of("'request_id': 'late'", "'response_id': 'c-late'")) {
      assertThatThrownBy(() -> said("{" + id + ", 'score': 1}"))
          .isInstanceOf(NoSuchException.class);
    }
    reopen();
    assertThat(sums()).isEqualTo(before);
  }

  private void said(String json) {
    new Feedback(experiments).take(Json.parse(json.replace('\'', '"')));
  }

  private void reopen() {
    experiments.close();
    experiments = Experiments.open(folder, server);
  }

  @Test
  void aGuardrailForgetsThemToo() {
    create();
    int i = 0;
    for (; i < 2000 && state().equals("running"); i++) {
      Routed routed = requireNonNull(experiments.route("tone", new Unit("user" + i), "r" + i));
      boolean fails = routed.arm().name().equals("B") && i % 3 == 0;
      routed.ended(routed.arm(), fails ? Some.failed() : Some.done("c" + i, 20));
    }
    assertThat(state()).isEqualTo("stopped");
    JsonNode ended = Json.tree(experiments.show("tone"));
    assertThat(ended.at("/verdict/reason").asString()).startsWith("guardrail error_rate: B ");
    assertThat(ended.at("/units").asInt()).isEqualTo(i).isGreaterThan(10);
    // the one whose failure ended it is counted too
    assertThat(ended.at("/arms/1/metrics/error_rate/value").asDouble()).isPositive();
    assertThat(experiments.remembered("tone")).isZero();
    assertThat(server.rolledBack).hasSize(1);
    reopen();
    assertThat(experiments.remembered("tone")).isZero();
    assertThat(Json.tree(experiments.show("tone"))).isEqualTo(ended);
    assertThat(server.rolledBack).hasSize(1);
  }

  private Routed shadowed(int i) {
    Routed routed = asked(i);
    Arm shadow = requireNonNull(routed.shadow());
    routed.ended(shadow, Some.done("s" + i, 25));
    return routed;
  }

  @Test
  void unitsRequestsAndBothAnswersOfAShadowAreForgotten() {
    experiments.create(Json.parse(SHADOW.replace('\'', '"')));
    for (int i = 0; i < 30; i++) {
      shadowed(i);
      said("{'response_id': 's%d', 'preferred': '%s'}".formatted(i, i % 2 == 0 ? "A" : "B"));
    }
    Routed half = asked(30); // its shadow is not done
    assertThat(experiments.remembered("tone")).isEqualTo(4 * 30 + 3);
    JsonNode before = sums();
    assertThat(before.at("/pairs/count").asInt()).isEqualTo(30);
    experiments.stop("tone", null, "enough");
    assertThat(experiments.remembered("tone")).isZero();
    half.ended(requireNonNull(half.shadow()), Some.done("s30", 25));
    assertThat(sums()).isEqualTo(before);
    assertThat(experiments.remembered("tone")).isZero();
    for (String id : List.of("c3", "s3", "s30")) {
      assertThatThrownBy(() -> said("{'response_id': '" + id + "', 'preferred': 'A'}"))
          .isInstanceOf(NoSuchException.class);
    }
    Routed after = requireNonNull(experiments.route("tone", new Unit("user3"), "after"));
    assertThat(after.shadow()).isNull();
    reopen();
    assertThat(experiments.remembered("tone")).isZero();
    assertThat(sums()).isEqualTo(before);
  }

  @Test
  void aShadowThatFailsEndsByItsGuardrailAndIsForgotten() {
    experiments.create(Json.parse(SHADOW.replace('\'', '"')));
    for (int i = 0; i < 2000 && state().equals("running"); i++) {
      Routed routed = asked(i);
      Arm shadow = requireNonNull(routed.shadow());
      routed.ended(shadow, i % 3 == 0 ? Some.failed() : Some.done("s" + i, 25));
    }
    assertThat(state()).isEqualTo("stopped");
    assertThat(Json.tree(experiments.show("tone")).at("/verdict/reason").asString())
        .startsWith("guardrail error_rate: B ");
    assertThat(experiments.remembered("tone")).isZero();
    assertThat(server.rolledBack).singleElement().asString().startsWith("tone: b: guardrail");
  }

  /// Servers took feedback behind the end, and answers that ended then, before they forgot.
  @Test
  void anOldLogWithFeedbackBehindItsEndIsReadWithAllOfIt() throws IOException {
    create();
    int[] arms = new int[2];
    Routed late = asked(0);
    for (int i = 1; i < 40; i++) {
      arms[asked(i).arm().name().equals("A") ? 0 : 1]++;
      scored(i, 0);
    }
    experiments.stop("tone", "B", "enough");
    JsonNode end = sums();
    experiments.close();
    int arm = late.arm().name().equals("A") ? 0 : 1;
    Path file = folder.resolve("tone.jsonl");
    try (Log log = Log.open(file, record -> {})) {
      log.append(new ExperimentEvent.FeedbackEvent("r0", arm, 1.0, null, "good", null, 5).line());
      log.append(new ExperimentEvent.FeedbackEvent("r0", arm, 0.5, null, null, "well", 6).line());
      log.append(
          new ExperimentEvent.FeedbackEvent("unknown", arm, 0.5, null, null, null, 7).line());
      log.append(new ExperimentEvent.Ended("r1", arm, Some.done("again", 20)).line());
    }
    experiments = Experiments.open(folder, server);
    assertThat(state()).isEqualTo("stopped");
    assertThat(experiments.remembered("tone")).isZero();
    JsonNode old = sums();
    assertThat(old).isNotEqualTo(end);
    assertThat(old.at("/units")).isEqualTo(end.at("/units"));
    JsonNode score = old.at("/arms/%d/metrics/score/value".formatted(arm));
    assertThat(score.asDouble()).isCloseTo(0.5 / (arms[arm] + 1), within(1e-12));
    assertThat(StoredExperiments.in(folder).show("tone")).isEqualTo(experiments.show("tone"));
    assertThat(asked(50).arm().name()).isEqualTo("B");
    assertThatThrownBy(() -> scored(3, 1)).isInstanceOf(NoSuchException.class);
    reopen();
    assertThat(sums()).isEqualTo(old);
  }

  private String state() {
    Map<String, ?> report = experiments.show("tone");
    return String.valueOf(report.get("state"));
  }
}
