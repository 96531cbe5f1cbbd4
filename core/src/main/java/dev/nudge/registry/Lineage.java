package dev.nudge.registry;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.nudge.format.Blobs;
import dev.nudge.format.Json;
import dev.nudge.format.RunFiles;
import dev.nudge.format.Sha256;
import dev.nudge.identity.Identity;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Collects the lineage of an adapter (`lineage.json`) from its `nudge.json` and `run.json`, and
/// from the [QueryFiles] of a run on a query.
///
/// Paths are left out, since the file may be published and digests identify more. Unknown facts are
/// absent.
final class Lineage {
  private static final Set<String> PATHS =
      Set.of(
          "model",
          "data",
          "mixture",
          "replay",
          "reward",
          "reward_jar",
          "eval_data",
          "out",
          "init_adapter",
          "add_tokens",
          "template",
          "sql");
  private static final Set<String> READ =
      Set.of("data", "eval_data", "add_tokens", "chat_template");
  private static final List<String> OUTCOME =
      List.of("steps", "tokens", "trained_tokens", "last_loss", "eval_loss_best");

  private Lineage() {}

  /// The lineage of an adapter.
  ///
  /// @param identity what the adapter was trained on; null: unknown
  /// @param licence as the user gave it; null: none
  /// @return empty if nothing is known
  static Map<String, Object> of(
      Path folder, @Nullable Identity identity, @Nullable String licence) {
    Map<String, Object> all = new TreeMap<>();
    if (identity != null) {
      all.put("base", identity.base());
      Map<String, Object> held = new TreeMap<>(identity.quantization());
      held.putIfAbsent("double_quant", false);
      all.put("quantization", held);
      put(all, "tokenizer", identity.tokenizer());
      put(all, "template", identity.template());
      all.put("shape", new TreeMap<>(identity.data()));
    }
    put(all, "licence", licence);
    JsonNode run = Json.readOrMissing(folder.resolve(RunFiles.RUN));
    if (run.isObject()) {
      addRun(all, run, source(QueryFiles.of(folder), run.at("/settings/data")));
    }
    return all;
  }

  /// Where the rows came from: a digest of the query, which may hold what is not to be published,
  /// and the versions of its tables. A run on other rows has none, whatever lies beside it.
  ///
  /// @param data of the run's settings
  private static @Nullable Object source(QueryFiles files, JsonNode data) {
    String read = data.path(0).asString("").replace('\\', '/');
    if (!read.endsWith("/" + files.rows().getFileName())) {
      return null;
    }
    JsonNode source = Json.readOrMissing(files.source());
    Map<String, Object> some = new TreeMap<>();
    if (source.path("query").isString()) {
      some.put("query", Sha256.of(source.path("query").asString().getBytes(UTF_8)));
    }
    put(some, "snapshots", source.get("snapshots"));
    return some.isEmpty() ? null : some;
  }

  private static void addRun(Map<String, Object> all, JsonNode run, @Nullable Object source) {
    Map<String, Object> about = new TreeMap<>();
    for (String key : List.of("id", "started", "versions", "quantization")) {
      put(about, key, run.get(key));
    }
    all.put("run", about);
    put(all, "settings", some(run.path("settings"), key -> !PATHS.contains(key)));
    put(all, "data", some(run.path("digests"), READ::contains));
    put(all, "source", source);
    JsonNode parent = run.path("digests").path("init_adapter");
    put(all, "parent", parent.isString() ? parent : null);
    put(
        all,
        "parent_version",
        parentVersion(run.path("settings").path("init_adapter").asString("")));
    put(all, "results", some(run.path("totals"), OUTCOME::contains));
  }

  /// The version from which a run continued, if its initial adapter was in a registry.
  private static @Nullable String parentVersion(String folder) {
    String last = folder.substring(folder.replace('\\', '/').lastIndexOf('/') + 1);
    String digest = Sha256.PREFIX + last;
    return Blobs.isDigest(digest) ? digest : null;
  }

  private static @Nullable Object some(JsonNode object, Predicate<String> keys) {
    Map<String, Object> some = new TreeMap<>();
    object.properties().stream()
        .filter(e -> keys.test(e.getKey()) && !e.getValue().isNull())
        .forEach(e -> some.put(e.getKey(), e.getValue()));
    return some.isEmpty() ? null : some;
  }

  private static void put(Map<String, Object> all, String key, @Nullable Object value) {
    if (value != null) {
      all.put(key, value);
    }
  }
}
