package dev.nudge.hub;

import dev.nudge.format.Json;
import dev.nudge.format.RunFiles;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Facts for a model card that are not in the published folder.
///
/// @param licence such as `apache-2.0`; null: none
/// @param settings settings of the run, by key as in a run file; a missing node if unknown
/// @param dataDigest digest of the rows; null: unknown
/// @param totals totals of the run, such as `eval_loss_best`; a missing node if unknown
/// @param scores results of evaluations, by name
public record CardFacts(
    @Nullable String licence,
    JsonNode settings,
    @Nullable String dataDigest,
    JsonNode totals,
    Map<String, String> scores) {
  public CardFacts {
    scores = Collections.unmodifiableMap(new LinkedHashMap<>(scores));
  }

  /// Reads the facts from the `run.json` of a folder, if it has one.
  public static CardFacts of(Path folder, @Nullable String licence) {
    JsonNode run = Json.readOrMissing(folder.resolve(RunFiles.RUN));
    return new CardFacts(
        licence,
        run.path("settings"),
        run.path("digests").path("data").asString(null),
        run.path("totals"),
        Map.of());
  }
}
