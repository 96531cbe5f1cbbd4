package dev.nudge.runs;

import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// One run as a list shows it. Losses, steps and times are those of its last save until it ends.
///
/// @param id of the run
/// @param folder where it lies
/// @param state how it stands now
/// @param started when it began; null where its `run.json` does not say
/// @param model the folder of its base, as it was given
/// @param method lora or full
/// @param quantize how the frozen weights were held: none or nf4
/// @param steps made
/// @param plannedSteps to make; null where it is not said
/// @param heldOut the best held-out loss after training began; null without one
/// @param loss that of the last step
/// @param tokensPerS tokens over the seconds of the whole run, evaluating and saving counted
/// @param seconds of the whole run, loading apart
/// @param cost seconds times `--price-per-hour`; null without a price
/// @param all makes the tree of all settings
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
    Supplier<JsonNode> all) {

  /// All settings, resolved, by key.
  public JsonNode settings() {
    return all.get();
  }

  /// Takes what a `run.json` holds.
  ///
  /// @return null where it is that of no run that this nudge knows
  static @Nullable RunSummary of(Path folder, JsonNode run) {
    JsonNode settings = run.path("settings");
    return of(folder, run, () -> settings);
  }

  /// Takes the part of a `run.json` that is needed at once.
  ///
  /// @param all makes the tree of all settings
  static @Nullable RunSummary of(Path folder, JsonNode run, Supplier<JsonNode> all) {
    JsonNode totals = run.path("totals");
    JsonNode settings = run.path("settings");
    RunStatus state = RunStatus.written(run.path("state").asString(""));
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
        settings.path("method").asString(""),
        held.isString() ? held.asString() : settings.path("quantize").asString("none"),
        totals.path("steps").asInt(0),
        run.path("planned_steps").isNumber() ? (Integer) run.path("planned_steps").asInt() : null,
        number(totals.path("eval_loss_best")),
        number(totals.path("last_loss")),
        seconds == null || seconds <= 0 ? null : totals.path("tokens").asDouble(0) / seconds,
        seconds,
        number(totals.path("cost")),
        all);
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

  /// The folder's name, by which people know a run.
  public String name() {
    Path name = folder.toAbsolutePath().normalize().getFileName();
    return name == null ? folder.toString() : name.toString();
  }

  /// The same run as it stands now, further than its last save where it still ran after that.
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
        all);
  }

  /// What `--json` prints of it.
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
    values.put("settings", settings());
    return values;
  }
}
