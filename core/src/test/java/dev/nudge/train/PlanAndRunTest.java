package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.format.Json;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.settings.train.PlanSettings;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.QuantizeSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Holds what `plan` says to the layout that `train` takes of the same settings, to the byte.
class PlanAndRunTest {
  /// Stands for the tied model as `quantize` writes it.
  private static final Path STORED = Path.of("stored-nf4");

  /// Stands for a model with experts.
  private static final Path EXPERTS = Path.of("experts");

  @TempDir private Path temp;

  static Stream<List<Object>> settings() {
    return Stream.of(
        List.of(TinyRun.TIED),
        List.of(TinyRun.UNTIED, "compute", "bf16"),
        List.of(TinyRun.TIED, "rank", 4, "targets", "q_proj,v_proj", "batch_size", 3),
        List.of(TinyRun.TIED, "quantize", "nf4"),
        List.of(TinyRun.UNTIED, "init", "eva", "rank", 3),
        List.of(TinyRun.TIED, "method", "ia3", "objective", "reward"),
        List.of(TinyRun.UNTIED, "method", "ia3", "quantize", "nf4", "memory", "200M"),
        List.of(TinyRun.UNTIED, "dora", true, "rank", 5),
        List.of(TinyRun.UNTIED, "dora", true, "memory", "200M", "targets", "q_proj,down_proj"),
        List.of(TinyRun.TIED, "dora", true, "init", "pissa", "rank", 4, "quantize", "nf4"),
        List.of(TinyRun.UNTIED, "lora_bias", true, "optimizer", "adamw-8bit"),
        List.of(STORED, "lora_bias", true, "rank", 3),
        List.of(TinyRun.TIED, "init", "pissa", "rank", 8),
        List.of(TinyRun.UNTIED, "init", "olora", "quantize", "nf4", "lanes", 1),
        List.of(
            TinyRun.UNTIED,
            "rank_pattern",
            List.of("v_proj=2", "[kv]_proj=5"),
            "exclude_modules",
            "down_proj"),
        List.of(TinyRun.UNTIED, "quantize", "nf4", "double_quant", false, "lanes", 1),
        List.of(STORED, "optimizer", "adamw-8bit"),
        List.of(STORED, "memory", "121M", "rank", 8),
        List.of(TinyRun.UNTIED, "method", "full"),
        List.of(TinyRun.TIED, "method", "full", "freeze", "embed_tokens", "threads", 1),
        List.of(TinyRun.TIED, "method", "full", "optimizer", "adamw-8bit", "memory", "150M"),
        List.of(TinyRun.UNTIED, "memory", "200M"),
        List.of(TinyRun.UNTIED, "memory", "120M", "batch_size", 2),
        List.of(TinyRun.UNTIED, "batch_size", 1, "max_length", 300),
        List.of(TinyRun.TIED, "truncate", true, "max_length", 20, "quantize", "nf4"),
        List.of(TinyRun.TIED, "objective", "dpo", "memory", "120M"),
        List.of(TinyRun.UNTIED, "objective", "kto", "quantize", "nf4"),
        List.of(TinyRun.TIED, "objective", "orpo", "method", "full", "eval_data", "held"),
        List.of(TinyRun.UNTIED, "objective", "reward", "batch_size", 3),
        List.of(TinyRun.UNTIED, "objective", "grpo", "batch_size", 3),
        List.of(TinyRun.TIED, "objective", "grpo", "iterations", 2, "memory", "120M"),
        List.of(
            TinyRun.TIED,
            "objective",
            "grpo",
            "shape",
            "prompt-only",
            "reward",
            List.of("exact:{completion}"),
            "max_completion",
            9,
            "beta",
            0.1,
            "eval_data",
            "held"),
        List.of(
            TinyRun.TIED,
            "objective",
            "grpo",
            "shape",
            "prompt-only",
            "reward",
            List.of("adapter:src/test/resources/golden/preference/reward-adapter"),
            "max_completion",
            9,
            "quantize",
            "nf4"),
        List.of(TinyRun.TIED, "replay", "held", "memory", "120M"),
        List.of(EXPERTS, "quantize", "nf4"),
        List.of(EXPERTS, "router_aux_loss_coef", 0.1, "targets", "q_proj,gate", "memory", "120M"),
        List.of(EXPERTS, "method", "full", "batch_size", 2),
        List.of(TinyRun.TIED, "eval_data", "held", "batch_size", 2),
        List.of(TinyRun.TIED, "eval_data", "held", "quantize", "nf4", "memory", "300M"));
  }

  @ParameterizedTest
  @MethodSource("settings")
  void bothLayTheRunOutAlike(List<Object> given) throws IOException {
    if (given.contains("bf16")) {
      Backends.orSkip(Compute.BF16);
    }
    Path rows = TinyRun.preferences(temp.resolve("rows.jsonl"), 40, 250, 1);
    Path held = TinyRun.preferences(temp.resolve("held.jsonl"), 9, 280, 2);
    List<Object> run = new ArrayList<>(given.subList(1, given.size()));
    run.replaceAll(value -> value.equals("held") ? held.toString() : value);
    Path model = model((Path) given.getFirst());

    Prepared prepared =
        Training.prepare(
            TinyRun.settings(model, rows, temp.resolve("out"), run.toArray()), TinyRun.MACHINE);
    Map<String, Object> same =
        new HashMap<>(Map.of("model", model, "data", rows.toString(), "probe", false));
    for (int i = 0; i < run.size(); i += 2) {
      same.put((String) run.get(i), run.get(i + 1));
    }
    Outlook outlook = Forecast.of(PlanSettings.of(same), TinyRun.MACHINE);
    assertThat(outlook.plan()).isEqualTo(prepared.plan());
    assertThat(outlook.values().get("plan")).isEqualTo(prepared.values().get("plan"));
    assertThat(outlook.attempt().count()).isEqualTo(prepared.count());
  }

  static Stream<List<Object>> frozen() {
    return Stream.of(
        List.of("rank_pattern", List.of("v_proj=2", "[kv]_proj=5")),
        List.of("objective", "dpo"),
        List.of("objective", "dpo", "rank_pattern", List.of("q_proj=24"), "quantize", "nf4"),
        List.of("objective", "grpo", "beta", 0.1, "iterations", 2),
        List.of(
            "objective",
            "grpo",
            "shape",
            "prompt-only",
            "reward",
            List.of("length:5"),
            "max_completion",
            9));
  }

  /// The plan in `run.json` of a run that was made.
  @ParameterizedTest
  @MethodSource("frozen")
  void theRunKeepsThatPlan(List<Object> given) throws IOException {
    Path rows = TinyRun.preferences(temp.resolve("rows.jsonl"), 10, 60, 1);
    Map<String, Object> same = new HashMap<>(Map.of("batch_size", 2, "steps", 2));
    for (int i = 0; i < given.size(); i += 2) {
      same.put((String) given.get(i), given.get(i + 1));
    }
    Path out = temp.resolve("out");
    Map<String, Object> run = new HashMap<>(same);
    run.putAll(Map.of("model", TinyRun.TIED, "data", List.of(rows.toString()), "out", out));
    TinyRun.run(TrainSettings.of(run));
    same.putAll(Map.of("model", TinyRun.TIED, "data", rows.toString(), "probe", false));
    Outlook outlook = Forecast.of(PlanSettings.of(same), TinyRun.MACHINE);
    assertThat(Json.parse(Json.line(outlook.plan().values())))
        .isEqualTo(TinyRun.record(out).get("plan"));
  }

  private Path model(Path given) throws IOException {
    if (given.equals(EXPERTS)) {
      return TinyRun.experts(temp.resolve("model"));
    }
    if (!given.equals(STORED)) {
      return given;
    }
    Path folder = temp.resolve("model");
    QuantizedFolder.prepare(QuantizeSettings.of(TinyRun.TIED, folder), TinyRun.MACHINE.cache())
        .write(Kernels.fastest(), () -> false);
    return folder;
  }
}
