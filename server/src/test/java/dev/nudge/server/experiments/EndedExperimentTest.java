package dev.nudge.server.experiments;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What is kept of an experiment that has ended: its sums, and neither units nor requests.
class EndedExperimentTest {
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

  private String state() {
    Map<String, ?> report = experiments.show("tone");
    return String.valueOf(report.get("state"));
  }
}
