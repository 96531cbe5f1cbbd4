package dev.nudge.train.checkpoint;

import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.plan.Plan;
import dev.nudge.settings.verb.Compute;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// The contents of `checkpoint.json`: resume state besides weights and moments.
///
/// Row order, learning rate and dropout masks are functions of the settings and the step number, so
/// the number of steps made is the cursor of all three.
///
/// @param run id of the run
/// @param started start time of the run, in UTC
/// @param seconds of training so far, without interruptions
/// @param counts totals so far, by `RunCounts.values`
/// @param evaluated false if the held-out loss after this step is due and was not computed
/// @param optimizerUpdates number of updates that the moments include
/// @param metricsBytes length of `metrics.jsonl` after this step
/// @param samplesBytes length of `samples.jsonl` after this step
/// @param settings of the run
/// @param digests of the run's input files
/// @param plan the run's layout
/// @param made processor and software that computed the run
public record RunCheckpoint(
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

  /// Version of the format; readers refuse newer versions.
  static final int FORMAT = 1;

  private static final String DIGEST = "sha256";

  /// Processor and software of a run: everything on which its bits may depend.
  ///
  /// @param processor its model
  /// @param backend compute type, products and kernels
  public record Place(String processor, String backend, String nudge, String java) {

    /// The compute type.
    public Compute compute() {
      return backend.startsWith("bf16") ? Compute.BF16 : Compute.FP32;
    }
  }

  public int step() {
    return counts.path("steps").asInt(0);
  }

  /// The text of `checkpoint.json`.
  ///
  /// @param digest of the file of weights and moments
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

  /// Whether a file is intact: its last key is the digest of the others.
  static boolean isWhole(JsonNode file) {
    Map<String, @Nullable Object> others = new LinkedHashMap<>();
    file.properties().forEach(e -> others.put(e.getKey(), e.getValue()));
    others.remove(DIGEST);
    return file.path(DIGEST).asString("").equals(digestOf(Json.tree(others)));
  }

  /// Parses [#text]'s output.
  ///
  /// @return null if the file has another format version
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

  /// The layout settings that differ from those at the start of the run, as flags.
  List<String> otherLayout(JsonNode now) {
    return List.of("lanes", "threads", "memory").stream()
        .filter(key -> !settings.path(key).toString().equals(now.path(key).toString()))
        .map(key -> "--" + key)
        .toList();
  }
}
