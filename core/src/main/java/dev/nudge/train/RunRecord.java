package dev.nudge.train;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.RunFiles;
import dev.nudge.settings.train.AdapterInit;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Reads `run.json`: the settings of a run, its result, and whether another run is the same.
final class RunRecord {
  /// Settings that may differ between runs that count as the same.
  static final Set<String> FREE =
      Set.of(
          "out",
          "lanes",
          "threads",
          "memory",
          "registry",
          "price_per_hour",
          "overwrite",
          "dry_run",
          "any_base",
          "save_steps",
          "keep",
          "disk_wait",
          "on_divergence",
          "on_event",
          "resume");

  /// Settings that name files, which are compared by content.
  private static final Set<String> DATA =
      Set.of("data", "eval_data", "add_tokens", "replay", "reward_jar");

  /// Settings that name a folder, whose spelling may differ.
  private static final Set<String> FOLDERS = Set.of("model", "init_adapter");

  /// The key of the objective's name.
  static final String OBJECTIVE = "objective";

  private static final String NOT_GIVEN = "not given";
  private static final String FROM_ZERO = "warmup_from_zero";

  private RunRecord() {}

  /// Reads the `run.json` of a folder.
  static JsonNode read(Path out) {
    return Json.read(
        out.resolve(RunFiles.RUN), "so the run in its folder is unknown; give another folder");
  }

  /// Reads `run.json` as plain values.
  static Map<String, @Nullable Object> record(Path out) {
    return Json.plain(read(out));
  }

  /// Adds a key to the `run.json` of a run that has ended.
  static void note(Path out, String key, Object value) {
    Map<String, @Nullable Object> run = new LinkedHashMap<>(record(out));
    run.put(key, value);
    OutFolder.place(out.resolve(RunFiles.RUN), Json.indented(run) + "\n");
  }

  /// The given settings of the run in a folder, without those of its output.
  static Map<String, @Nullable Object> given(Path out) {
    OutFolder.mend(out);
    RunFolder.checkNotResumed(!Files.exists(out.resolve(RunFiles.RUN)), out);
    JsonNode run = read(out);
    Map<String, @Nullable Object> given = new LinkedHashMap<>();
    JsonNode settings = settings(run);
    if (settings.isObject()) {
      given.putAll(Json.plain(settings));
    }
    Set<String> keys = new HashSet<>();
    run.path("given").forEach(key -> keys.add(key.asString("")));
    if (!keys.isEmpty()) {
      keys.add("learning_rate"); // its default has changed
      given.keySet().retainAll(keys); // others are defaults, which some choices refuse
    }
    if (settings.path(FROM_ZERO).asBoolean(false)) {
      given.put(FROM_ZERO, true);
    }
    given.keySet().removeAll(Set.of("out", "overwrite", "resume", "dry_run"));
    given.values().removeIf(Objects::isNull);
    return given;
  }

  /// The result of the run in a folder, by its `run.json`.
  static RunResult result(Path out) {
    JsonNode run = read(out);
    JsonNode totals = run.path("totals");
    return new RunResult(
        RunState.valueOf(run.path(RunFiles.STATE).asString("").toUpperCase(Locale.ROOT)),
        run.path("id").asString(""),
        out,
        totals.path("steps").asInt(0),
        totals.path("skipped_steps").asInt(0),
        totals.path("tokens").asLong(0),
        totals.path("trained_tokens").asLong(0),
        totals.path("seconds").asDouble(0),
        number(totals, "first_loss"),
        number(totals, "last_loss"),
        number(totals, "eval_loss_before"),
        number(totals, "eval_loss_best"),
        whole(totals, "best_step"),
        totals.path("stopped_early").asBoolean(false),
        whole(totals, "diverged_step"));
  }

  private static @Nullable Integer whole(JsonNode totals, String key) {
    JsonNode value = totals.path(key);
    return value.isNumber() ? (Integer) value.asInt() : null;
  }

  private static @Nullable Double number(JsonNode totals, String key) {
    JsonNode value = totals.path(key);
    return value.isNumber() ? (Double) value.asDouble() : null;
  }

  /// The settings that differ from those of a `run.json`, one phrase each. Data settings count as
  /// equal if both are set: file contents are compared elsewhere.
  static List<String> changedSettings(JsonNode run, TrainSettings settings) {
    JsonNode there = settings(run);
    JsonNode now = Json.tree(settings.values());
    List<String> changes = new ArrayList<>();
    for (String key : now.propertyNames()) {
      if (!there.has(key) && !settings.given().contains(key)) {
        continue; // a setting unknown to that run's nudge
      }
      String was = shown(there.path(key));
      String is = shown(now.get(key));
      boolean rows = DATA.contains(key) && !was.equals(NOT_GIVEN) && !is.equals(NOT_GIVEN);
      boolean place = FOLDERS.contains(key) && samePlace(there.path(key), now.get(key));
      if (!was.equals(is) && !rows && !place && !FREE.contains(key)) {
        changes.add("--" + key.replace('_', '-') + " was " + was + " and is " + is);
      }
    }
    return changes;
  }

  /// The settings of a `run.json`; a run older than the warm-up setting started its warm-up at 0,
  /// and one older than the variants of an adapter has none.
  private static JsonNode settings(JsonNode run) {
    JsonNode settings = run.path("settings");
    if (settings instanceof ObjectNode known && !known.has(FROM_ZERO)) {
      known.put(FROM_ZERO, known.path("warmup").asDouble(0) != 0);
    }
    if (settings instanceof ObjectNode known && !known.has("dora")) {
      known.put("dora", false).put("lora_bias", false);
      if (known.path("init").asString("").equals("zero")) {
        known.put("init", AdapterInit.DEFAULT.toString());
      }
    }
    return settings;
  }

  /// Whether two texts name one place, by the texts alone: a link's target may have changed.
  private static boolean samePlace(JsonNode was, JsonNode is) {
    return was.isString()
        && is.isString()
        && place(was.stringValue()).equals(place(is.stringValue()));
  }

  private static Path place(String text) {
    return Path.of(text).toAbsolutePath().normalize();
  }

  private static String shown(JsonNode value) {
    if (value.isNull() || value.isMissingNode() || (value.isArray() && value.isEmpty())) {
      return NOT_GIVEN;
    }
    return value.isString()
        ? "'" + value.stringValue().replace("\n", "\\n") + "'"
        : value.toString();
  }
}
