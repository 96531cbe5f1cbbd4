package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.plan.Plan;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.tensor.Ledger;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Holds what a group of adapters of every kind has in memory against its plan.
class GroupMemoryTest {
  @TempDir private Path temp;

  private static List<Map<String, Object>> different() {
    return List.of(
        Map.of(),
        Map.of("dora", true, "rank", 3),
        Map.of("lora_bias", true, "optimizer", "adamw-8bit"),
        Map.of("init", "pissa", "rank", 4),
        Map.of("dora", true, "init", "olora", "rank", 4, "targets", "k_proj,up_proj"),
        Map.of("init", "eva", "rank", 2),
        Map.of("rank_pattern", List.of("q_proj=2"), "exclude_modules", "down_proj"));
  }

  /// Tensors without the scratch memory of products, which the plan counts to the runtime, and
  /// without what a save in another thread makes.
  private static long tensors() {
    return Ledger.byOwner().entrySet().stream()
        .filter(owner -> !owner.getKey().startsWith("oneDNN"))
        .filter(owner -> !owner.getKey().startsWith("saving"))
        .mapToLong(Map.Entry::getValue)
        .sum();
  }

  private List<Prepared> prepared(
      Path rows, String out, List<Map<String, Object>> different, Map<String, Object> common) {
    List<Prepared> prepared = new ArrayList<>();
    for (Map<String, Object> own : different) {
      Map<String, Object> values = new HashMap<>(common);
      values.put("model", TinyRun.UNTIED);
      values.put("data", List.of(rows.toString()));
      values.put("out", temp.resolve(out + prepared.size()));
      values.put("compute", "fp32");
      values.put("memory", "2G");
      values.putAll(own);
      prepared.add(Training.prepare(TrainSettings.of(values), TinyRun.MACHINE));
    }
    return prepared;
  }

  private static Plan plan(List<Prepared> prepared) {
    List<GroupPlan> groups = GroupPlan.of(prepared);
    assertThat(groups).hasSize(1);
    return groups.getFirst().plan();
  }

  @ParameterizedTest
  @ValueSource(strings = {"none", "nf4"})
  void aGroupHoldsNoMoreThanItsPlanCounts(String quantize) throws IOException {
    Path rows = TinyRun.rows(temp.resolve("rows.jsonl"), 23, 200, 3);
    Map<String, Object> common =
        Map.of(
            "quantize",
            quantize,
            "steps",
            4,
            "batch_size",
            4,
            "eval_split",
            "0.2",
            "eval_steps",
            2);
    List<Prepared> prepared = prepared(rows, "out", different(), common);
    Plan plan = plan(prepared);
    Prepared first = prepared.getFirst();
    long rotary = first.config().rotaryBytes(plan.longest(), first.backend().compute());
    long counted = plan.totalBytes() - plan.footprint().runtime() + rotary;

    long before = tensors();
    long all = Ledger.bytes();
    long[] held = {0};
    RunGroup.Listener listener =
        new RunGroup.Listener() {
          @Override
          public void event(int member, TrainEvent event) {
            if (event instanceof TrainEvent.Step) {
              held[0] = Math.max(held[0], tensors() - before);
            }
          }

          @Override
          public void held(int member, int step, double[] losses, boolean best) {}
        };
    Ledger.most();
    try (RunGroup group = new RunGroup(prepared, plan, listener)) {
      group.advance(Integer.MAX_VALUE, () -> false);
    }
    assertThat(Ledger.most() - all).isLessThanOrEqualTo(plan.totalBytes());
    assertThat(held[0]).isBetween(counted / 2, counted);
  }
}
