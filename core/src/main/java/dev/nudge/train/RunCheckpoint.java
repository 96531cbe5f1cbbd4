package dev.nudge.train;

import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.plan.Plan;
import dev.nudge.settings.Compute;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// What a run that goes on must know beside the numbers that train, as `checkpoint.json` holds it.
///
/// The order of rows, the rate of a step and the masks of dropout are functions of the settings and
/// the number of the step, so the number of steps made is the cursor of all three.
///
/// @param run id of the run
/// @param started when it began, in UTC
/// @param seconds that it has taken, time away apart
/// @param counts what was made, as [RunCounts#values] gives it
/// @param evaluated false where the held-out loss after this step is due and was not taken
/// @param optimizerUpdates updates that the optimiser's moments know of
/// @param metricsBytes length of `metrics.jsonl` after this step
/// @param samplesBytes length of `samples.jsonl` after this step
/// @param settings of the run
/// @param digests of what it reads
/// @param plan its layout
/// @param made where it was computed
record RunCheckpoint(
    String run,
    String started,
    double seconds,
    JsonNode counts,
    boolean evaluated,
    long optimizerUpdates,
    long metricsBytes,
    long samplesBytes,
    JsonNode settings,
    JsonNode digests,
    Plan plan,
    Place made) {

  /// Version of the format; a reader refuses a later one.
  static final int FORMAT = 1;

  private static final String DIGEST = "sha256";

  /// Where a run is computed: what its bits may depend on.
  ///
  /// @param processor its kind
  /// @param backend compute type, products and kernels
  record Place(String processor, String backend, String nudge, String java) {

    /// The compute type.
    Compute compute() {
      return backend.startsWith("bf16") ? Compute.BF16 : Compute.FP32;
    }
  }

  int step() {
    return counts.path("steps").asInt(0);
  }

  /// The text of the file.
  ///
  /// @param digest of the file of numbers
  String text(String digest) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("format", FORMAT);
    values.put("files", Map.of(RunCheckpoints.STATE, digest));
    Json.tree(this).properties().forEach(e -> values.put(e.getKey(), e.getValue()));
    values.put(DIGEST, digestOf(Json.tree(values)));
    return Json.indented(values) + "\n";
  }

  private static String digestOf(JsonNode values) {
    return Sha256.of(Json.line(values).getBytes(StandardCharsets.UTF_8));
  }

  /// Whether a file holds what [#text] wrote: its last key is the digest of the others.
  static boolean isWhole(JsonNode file) {
    Map<String, @Nullable Object> others = new LinkedHashMap<>();
    file.properties().forEach(e -> others.put(e.getKey(), e.getValue()));
    others.remove(DIGEST);
    return file.path(DIGEST).asString("").equals(digestOf(Json.tree(others)));
  }

  /// Reads what [#text] wrote.
  ///
  /// @return null where it is another format
  static @Nullable RunCheckpoint of(JsonNode file) {
    if (file.path("format").asInt(0) != FORMAT) {
      return null;
    }
    try {
      return new RunCheckpoint(
          file.path("run").asString(""),
          file.path("started").asString(""),
          file.path("seconds").asDouble(0),
          file.path("counts"),
          file.path("evaluated").asBoolean(true),
          file.path("optimizer_updates").asLong(0),
          file.path("metrics_bytes").asLong(0),
          file.path("samples_bytes").asLong(0),
          file.path("settings"),
          file.path("digests"),
          Json.record(file.path("plan"), Plan.class),
          Json.record(file.path("made"), Place.class));
    } catch (JacksonException | IllegalArgumentException e) {
      return null;
    }
  }

  /// The settings of layout that were given otherwise than when the run began, as flags.
  List<String> otherLayout(JsonNode now) {
    return List.of("lanes", "threads", "memory").stream()
        .filter(key -> !settings.path(key).toString().equals(now.path(key).toString()))
        .map(key -> "--" + key)
        .toList();
  }
}
