package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.nn.Recompute;
import dev.nudge.plan.Plan;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Trains runs together and compares each with itself alone: the same bytes.
class RunGroupTest {
  static final RunGroup.Listener DEAF =
      new RunGroup.Listener() {
        @Override
        public void event(int member, TrainEvent event) {}

        @Override
        public void held(int member, int step, double[] losses, boolean best) {}
      };

  @TempDir Path temp;

  /// Settings that differ in all that runs of a group may differ in.
  private List<Map<String, Object>> different() throws IOException {
    Path other = TinyRun.rows(temp.resolve("other.jsonl"), 9, 60, 5);
    return List.of(
        Map.of("learning_rate", 1e-3),
        Map.of("learning_rate", 3e-3, "rank", 3, "alpha", 5, "dropout", 0.2, "seed", 7),
        Map.of("rank", 24, "targets", "q_proj,down_proj", "weight_decay", 0.1, "steps", 4),
        Map.of("batch_size", 2, "max_grad_norm", 0.05, "schedule", "constant"),
        Map.of("data", List.of(other.toString()), "init", "pissa", "rank", 4),
        Map.of("lora_plus", 4, "optimizer", "adamw-8bit", "rs_lora", true, "warmup", 2),
        Map.of("init", "eva", "rank", 2),
        Map.of("dora", true, "weight_decay", 0.1, "seed", 3),
        Map.of(
            "dora", true, "rank", 3, "init", "pissa", "lora_plus", 4, "targets", "k_proj,up_proj"),
        Map.of(
            "lora_bias",
            true,
            "layers_to_transform",
            "1",
            "targets",
            "v_proj,o_proj,up_proj",
            "batch_size",
            6),
        Map.of(
            "init",
            "gaussian",
            "rank_pattern",
            List.of("layers.1.mlp.up_proj=3", "v_proj=2", "[kv]_proj=5"),
            "alpha_pattern",
            List.of("up_proj=7"),
            "exclude_modules",
            "down_proj"),
        Map.of(
            "init",
            "olora",
            "rank",
            4,
            "rank_pattern",
            List.of("q_proj=3"),
            "exclude_modules",
            "/.*layers\\.0\\..*/"));
  }

  /// Of the longest rows some are cut over both lanes.
  @ParameterizedTest
  @CsvSource({"fp32, none, 300", "bf16, none, 200", "fp32, nf4, 24"})
  void aRunTogetherHasTheBytesThatItHasAlone(String compute, String quantize, int longest)
      throws IOException {
    compare(compute, quantize, longest);
  }

  @Test
  @Tag("slow")
  void soItHasWhereMostRowsAreCut() throws IOException {
    compare("fp32", "none", 900);
  }

  private void compare(String compute, String quantize, int longest) throws IOException {
    Backends.orSkip(Compute.valueOf(compute.toUpperCase(Locale.ROOT)));
    List<TrainSettings> alone = new ArrayList<>();
    List<TrainSettings> together = new ArrayList<>();
    Path rows = TinyRun.rows(temp.resolve("rows.jsonl"), 23, longest, 3);
    for (Map<String, Object> own : different()) {
      Map<String, Object> values = new HashMap<>();
      values.put("compute", compute);
      values.put("quantize", quantize);
      values.put("steps", 5);
      values.put("batch_size", 4);
      values.put("eval_split", "0.2");
      values.put("eval_steps", 3);
      values.put("memory", "2G");
      values.put("rank", 8);
      values.putAll(own);
      alone.add(settings(rows, "alone" + alone.size(), values));
      together.add(settings(rows, "together" + together.size(), values));
    }
    alone.forEach(TinyRun::run);
    train(together);
    for (int i = 0; i < alone.size(); i++) {
      assertSame(alone.get(i), together.get(i));
    }
  }

  /// Magnitudes need a layer's output in the backward pass, so it is computed again with the rest.
  @Test
  void soItHasWhereActivationsAreComputedAgain() throws IOException {
    Path rows = TinyRun.rows(temp.resolve("rows.jsonl"), 23, 200, 3);
    List<Map<String, Object>> different =
        List.of(
            Map.of("dora", true, "rank", 3), Map.of("rank", 8), Map.of("dora", true, "seed", 3));
    List<TrainSettings> alone = new ArrayList<>();
    for (Map<String, Object> own : different) {
      Map<String, Object> values = new HashMap<>(own);
      values.putAll(Map.of("compute", "fp32", "steps", 3, "batch_size", 4, "memory", "2G"));
      alone.add(settings(rows, "alone" + alone.size(), values));
    }
    alone.forEach(TinyRun::run);
    long most = GroupPlan.of(prepared(alone, "none", 2L << 30)).getFirst().plan().totalBytes();
    List<Prepared> together = List.of();
    List<GroupPlan> groups = List.of();
    for (int i = 19; i > 0; i--) {
      List<Prepared> tight = prepared(alone, "together", most * i / 20);
      List<GroupPlan> planned = GroupPlan.of(tight);
      if (planned.size() > 1) {
        break;
      }
      together = tight;
      groups = planned;
    }
    Plan plan = groups.getFirst().plan();
    assertThat(plan.levels()).doesNotContain(Recompute.NONE);
    try (RunGroup group = new RunGroup(together, plan, DEAF)) {
      group.advance(Integer.MAX_VALUE, () -> false);
    }
    for (int i = 0; i < alone.size(); i++) {
      assertSame(alone.get(i), together.get(i).settings());
    }
  }

  private List<Prepared> prepared(List<TrainSettings> settings, String out, long memory) {
    List<Prepared> all = new ArrayList<>();
    for (TrainSettings one : settings) {
      String folder = temp.resolve(out + all.size()).toString();
      all.add(Training.prepare(one.withMemory(memory).with("out", folder), TinyRun.MACHINE));
    }
    return all;
  }

  private TrainSettings settings(Path rows, String out, Map<String, Object> values) {
    Map<String, Object> all = new HashMap<>(values);
    all.putIfAbsent("data", List.of(rows.toString()));
    all.put("model", TinyRun.UNTIED);
    all.put("out", temp.resolve(out));
    return TrainSettings.of(all);
  }

  private static void train(List<TrainSettings> settings) {
    List<Prepared> prepared =
        settings.stream().map(s -> Training.prepare(s, TinyRun.MACHINE)).toList();
    List<GroupPlan> groups = GroupPlan.of(prepared);
    assertThat(groups).hasSize(1);
    Plan plan = groups.getFirst().plan();
    assertThat(plan.split().equals(Plan.Split.NONE)).isEqualTo(plan.longest() < 256);
    try (RunGroup group = new RunGroup(prepared, groups.getFirst().plan(), DEAF)) {
      group.advance(2, () -> false); // a stop between changes nothing
      group.advance(Integer.MAX_VALUE, () -> false);
    }
  }

  private static void assertSame(TrainSettings one, TrainSettings other) throws IOException {
    Path a = one.output().out();
    Path b = other.output().out();
    for (String file : List.of("adapter_model.safetensors", "last/adapter_model.safetensors")) {
      assertThat(Files.exists(b.resolve(file))).isEqualTo(Files.exists(a.resolve(file)));
      if (Files.exists(a.resolve(file))) {
        assertThat(b.resolve(file))
            .as("%s", other.values())
            .hasSameBinaryContentAs(a.resolve(file));
      }
    }
    for (String key : List.of("loss", "grad_norm", "eval_loss")) {
      assertThat(TinyRun.metrics(b, key).stream().map(line -> line.path(key)).toList())
          .as("%s of %s", key, other.values())
          .isEqualTo(TinyRun.metrics(a, key).stream().map(line -> line.path(key)).toList());
    }
  }

  @Test
  void asManyTrainTogetherAsFit() throws IOException {
    Path rows = TinyRun.rows(temp.resolve("rows.jsonl"), 23, 300, 3);
    List<Prepared> roomy = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      Map<String, Object> values = Map.of("rank", 32, "batch_size", 4, "seed", i);
      roomy.add(Training.prepare(settings(rows, "fit" + i, values), TinyRun.MACHINE));
    }
    long all = GroupPlan.of(roomy).getFirst().plan().totalBytes();
    long one = roomy.getFirst().plan().totalBytes();
    assertThat(all).isGreaterThan(one).isLessThan(6 * one);
    long memory = one + (all - one) / 4;
    List<Prepared> tight = new ArrayList<>();
    for (Prepared run : roomy) {
      TrainSettings settings = run.settings().withMemory(memory);
      tight.add(Training.prepare(settings, TinyRun.MACHINE));
    }
    List<GroupPlan> groups = GroupPlan.of(tight);
    assertThat(groups.size()).isBetween(2, 5);
    assertThat(groups).allMatch(group -> group.plan().totalBytes() <= memory);
    assertThat(groups.stream().flatMap(group -> group.members().stream()))
        .containsExactly(0, 1, 2, 3, 4, 5);
  }
}
