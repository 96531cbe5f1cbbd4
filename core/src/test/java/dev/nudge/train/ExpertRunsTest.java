package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.RunState;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// Whole runs of a model with experts: what holds for dense models holds for them.
class ExpertRunsTest {
  private static final int STEPS = 4;
  private static final String EXPERTS = "q_proj,gate_proj,up_proj,down_proj,gate";

  @TempDir private Path temp;
  private Path model;
  private Path rows;

  @BeforeEach
  void model() throws IOException {
    model = TinyRun.experts(temp.resolve("model"));
    rows = TinyRun.rows(temp.resolve("rows"), 11, 60, 1);
  }

  private TrainSettings settings(String kind, String out, Object... more) {
    List<Object> all = new ArrayList<>();
    all.addAll(List.of("batch_size", 4, "steps", STEPS, "learning_rate", 0.02, "lanes", 2));
    all.addAll(List.of("threads", 1, "save_steps", 1, "compute", "fp32", "memory", "2G"));
    switch (kind) {
      case "full" -> all.addAll(List.of("method", "full"));
      case "nf4" -> all.addAll(List.of("quantize", "nf4", "targets", EXPERTS, "rank", 2));
      default -> all.addAll(List.of("targets", EXPERTS, "rank", 2));
    }
    all.addAll(List.of(more));
    return TinyRun.settings(model, rows, temp.resolve(out), all.toArray());
  }

  @ParameterizedTest
  @ValueSource(strings = {"lora", "nf4", "full"})
  void stoppedItEndsAsIfItNeverWas(String kind) throws IOException {
    TrainSettings whole = settings(kind, "whole", "router_aux_loss_coef", 0.1);
    TinyRun.run(whole, STEPS);
    TrainSettings part = settings(kind, "part", "router_aux_loss_coef", 0.1);
    assertThat(TinyRun.run(part, 2).state()).isEqualTo(RunState.STOPPED);
    assertThat(TinyRun.run(part, STEPS).state()).isEqualTo(RunState.FINISHED);
    assertThat(ResumeTest.fixed(temp.resolve("part")))
        .isEqualTo(ResumeTest.fixed(temp.resolve("whole")));
    assertThat(TinyRun.record(temp.resolve("part")).path("experts"))
        .isEqualTo(TinyRun.record(temp.resolve("whole")).path("experts"));
    assertThat(TinyRun.metrics(temp.resolve("part"), "experts_idle")).hasSize(STEPS);
  }

  @ParameterizedTest
  @CsvSource({"gaussian, lora", "loftq, nf4"})
  void anInitialisationWorks(String init, String kind) throws IOException {
    TinyRun.run(settings(kind, "out", "init", init), STEPS);
    TinyRun.run(settings(kind, "default"), STEPS);
    List<JsonNode> losses = TinyRun.metrics(temp.resolve("out"), "loss");
    List<JsonNode> others = TinyRun.metrics(temp.resolve("default"), "loss");
    assertThat(losses.getLast().path("loss").asDouble())
        .isLessThan(losses.getFirst().path("loss").asDouble())
        .isNotEqualTo(others.getLast().path("loss").asDouble());
  }

  @ParameterizedTest
  @ValueSource(strings = {"eva", "pissa", "olora"})
  void anInitialisationThatStacksCannotHoldIsRefused(String init) {
    assertThatThrownBy(() -> TinyRun.run(settings("lora", "out", "init", init), STEPS))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("does not go with adapters on experts or routers")
        .hasMessageContaining("give --targets of attention alone");
    TrainSettings attention = settings("lora", "attention", "init", init, "targets", "q_proj");
    assertThat(TinyRun.run(attention, STEPS).state()).isEqualTo(RunState.FINISHED);
  }

  @Test
  void aRunOfASweepHasTheBytesThatItHasAlone() throws IOException {
    List<Map<String, Object>> different =
        List.of(
            Map.of("learning_rate", 1e-3),
            Map.of("learning_rate", 3e-3, "rank", 3, "seed", 7),
            Map.of("targets", "q_proj", "steps", 3));
    List<Prepared> together = new ArrayList<>();
    for (int i = 0; i < different.size(); i++) {
      List<Object> own = new ArrayList<>();
      different.get(i).forEach((key, value) -> own.addAll(List.of(key, value)));
      TinyRun.run(settings("lora", "alone" + i, own.toArray()), STEPS);
      TrainSettings same = settings("lora", "together" + i, own.toArray());
      together.add(Training.prepare(same, TinyRun.MACHINE));
    }
    List<GroupPlan> groups = GroupPlan.of(together);
    assertThat(groups).hasSize(3); // experts train one run after another
    for (GroupPlan plan : groups) {
      List<Prepared> members = plan.members().stream().map(together::get).toList();
      try (RunGroup group = new RunGroup(members, plan.plan(), RunGroupTest.DEAF)) {
        group.advance(2, () -> false); // a stop between changes nothing
        group.advance(Integer.MAX_VALUE, () -> false);
      }
    }
    for (int i = 0; i < different.size(); i++) {
      Path alone = temp.resolve("alone" + i);
      Path other = temp.resolve("together" + i);
      assertThat(ResumeTest.fixed(other)).as("run %d", i).isEqualTo(ResumeTest.fixed(alone));
      assertThat(TinyRun.record(other).path("experts"))
          .isEqualTo(TinyRun.record(alone).path("experts"));
    }
  }
}
