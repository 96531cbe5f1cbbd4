package dev.nudge.runs;

import dev.nudge.format.RunFiles;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A row of the list of runs. Until a run ends, losses, steps and times are those of its last save.
///
/// @param id of the run
/// @param folder of the run
/// @param state current state
/// @param started start time; null if `run.json` has none
/// @param model the base model's folder, as the user gave it
/// @param method lora, dora, ia3 or full
/// @param quantize quantisation of the frozen weights: none or nf4
/// @param steps made
/// @param plannedSteps number of steps planned; null if unknown
/// @param heldOut the best held-out loss after training began; null: none
/// @param loss of the last step
/// @param tokensPerS throughput of the whole run, evaluations and saves included
/// @param seconds of the whole run, without loading
/// @param cost seconds times `--price-per-hour`; null without a price
/// @param settings all settings, resolved, by key
public record RunSummary(
    String id,
    Path folder,
    RunStatus state,
    @Nullable Instant started,
    String model,
    String method,
    String quantize,
    int steps,
    @Nullable Integer plannedSteps,
    @Nullable Double heldOut,
    @Nullable Double loss,
    @Nullable Double tokensPerS,
    @Nullable Double seconds,
    @Nullable Double cost,
    JsonNode settings) {

  /// Summarises a `run.json`.
  ///
  /// @return null if this nudge cannot read the file as a run
  static @Nullable RunSummary of(Path folder, JsonNode run) {
    JsonNode totals = run.path("totals");
    JsonNode settings = run.path("settings");
    RunStatus state = RunStatus.written(run.path(RunFiles.STATE).asString(""));
    String id = run.path("id").asString("");
    if (state == null || id.isEmpty() || !settings.isObject()) {
      return null;
    }
    Double seconds = number(totals.path("seconds"));
    JsonNode held = run.path("quantization").path("method");
    return new RunSummary(
        id,
        folder,
        state,
        started(run.path("started").asString(id)),
        settings.path("model").asString(""),
        settings.path("dora").asBoolean(false) ? "dora" : settings.path("method").asString(""),
        held.isString() ? held.asString() : settings.path("quantize").asString("none"),
        totals.path("steps").asInt(0),
        run.path(RunFiles.PLANNED_STEPS).isNumber()
            ? (Integer) run.path(RunFiles.PLANNED_STEPS).asInt()
            : null,
        number(totals.path("eval_loss_best")),
        number(totals.path("last_loss")),
        seconds == null || seconds <= 0 ? null : totals.path("tokens").asDouble(0) / seconds,
        seconds,
        number(totals.path("cost")),
        settings);
  }

  private static @Nullable Instant started(String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeException e) {
      return null;
    }
  }

  static @Nullable Double number(JsonNode value) {
    return value.isNumber() && Double.isFinite(value.asDouble()) ? value.asDouble() : null;
  }

  /// The folder's name, by which users know a run.
  public String name() {
    Path name = folder.toAbsolutePath().normalize().getFileName();
    return name == null ? folder.toString() : name.toString();
  }

  /// Returns this run with its current progress, if it trained after its last save.
  RunSummary now(Progress progress) {
    RunStatus now = state.in(folder);
    Progress made = state == RunStatus.RUNNING ? progress : Progress.NONE;
    boolean further = made.steps() > steps;
    return new RunSummary(
        id,
        folder,
        now,
        started,
        model,
        method,
        quantize,
        further ? made.steps() : steps,
        plannedSteps,
        heldOut,
        further ? made.loss() : loss,
        tokensPerS,
        seconds,
        cost,
        settings);
  }

  /// The keys that `--json` prints.
  public Map<String, @Nullable Object> values() {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("id", id);
    values.put("name", name());
    values.put("folder", folder.toString());
    values.put("state", state.word());
    values.put("started", started == null ? null : started.toString());
    values.put("model", model);
    values.put("method", method);
    values.put("quantize", quantize);
    values.put("steps", steps);
    values.put("planned_steps", plannedSteps);
    values.put("held_out", heldOut);
    values.put("loss", loss);
    values.put("tokens_per_s", tokensPerS);
    values.put("seconds", seconds);
    values.put("cost", cost);
    values.put("settings", settings);
    return values;
  }
}
