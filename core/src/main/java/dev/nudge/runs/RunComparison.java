package dev.nudge.runs;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/// Compares runs: returns the settings, inputs (`digests.data`) and machine that differ.
///
/// The settings `out`, `overwrite` and `dry_run` never count as differences.
public final class RunComparison {
  private static final Set<String> NONE = Set.of("out", "overwrite", "dry_run");
  private static final List<String> USED = List.of("digests", "quantization", "versions");

  private RunComparison() {}

  /// Returns the keys that differ → the value of each run, in the order of the runs.
  public static Map<String, List<JsonNode>> of(List<StoredRun> runs) {
    List<Map<String, JsonNode>> all = runs.stream().map(RunComparison::values).toList();
    Set<String> keys = new LinkedHashSet<>();
    all.forEach(values -> keys.addAll(values.keySet()));
    Map<String, List<JsonNode>> different = new LinkedHashMap<>();
    for (String key : keys) {
      List<JsonNode> values = new ArrayList<>();
      for (int i = 0; i < runs.size(); i++) {
        JsonNode value = all.get(i).get(key);
        values.add(value == null ? runs.get(i).run().path("no such key") : value);
      }
      if (values.stream().map(RunComparison::shown).distinct().count() > 1) {
        different.put(key, values);
      }
    }
    return different;
  }

  private static Map<String, JsonNode> values(StoredRun run) {
    Map<String, JsonNode> values = new LinkedHashMap<>();
    run.run()
        .path("settings")
        .properties()
        .forEach(
            setting -> {
              if (!NONE.contains(setting.getKey())) {
                values.put(setting.getKey(), setting.getValue());
              }
            });
    for (String part : USED) {
      run.run()
          .path(part)
          .properties()
          .forEach(
              entry -> {
                if (!entry.getKey().equals("files")) { // output files always differ
                  values.put(part + "." + entry.getKey(), entry.getValue());
                }
              });
    }
    values.put("machine", run.run().path("machine"));
    return values;
  }

  /// Formats a value for people: text without quotes, `-` if not set.
  public static String shown(JsonNode value) {
    if (value.isMissingNode() || value.isNull() || (value.isArray() && value.isEmpty())) {
      return "-";
    }
    if (value.isArray()) {
      List<String> parts = new ArrayList<>();
      value.forEach(part -> parts.add(shown(part)));
      return String.join(", ", parts);
    }
    return value.isString() ? value.asString().replace("\n", "\\n") : value.toString();
  }
}
