package dev.nudge.registry;

import dev.nudge.adapter.PeftAdapter;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Reads the `release.json` that `nudge release` wrote, for the registry's lineage.
///
/// Keys as `eval.release.Release` writes them. Paths are left out of the lineage.
///
/// @param report of a release that passed
record ReleaseReport(Path folder, JsonNode report) {
  private static final String FILE = "release.json";

  /// The report of a folder; null: it is no release.
  ///
  /// @throws InputException if the release did not pass, or one of its files is missing or has a
  ///     path for a name
  static @Nullable ReleaseReport of(Path folder) {
    JsonNode report = Json.readOrMissing(folder.resolve(FILE));
    if (!report.path("nudge_release").isInt()) {
      return null;
    }
    if (!report.path("verdict").asString("").equals("pass")) {
      throw new InputException(
          "release %s is not one that passed: its %s says %s, and no model is kept there"
              .formatted(folder, FILE, report.path("verdict").asString("nothing")));
    }
    ReleaseReport release = new ReleaseReport(folder, report);
    for (String name : release.files()) {
      if (!Manifest.isPlain(name)) {
        throw new InputException(
            "release %s: its %s names a file '%s'; a plain name is needed"
                .formatted(folder, FILE, name));
      }
      if (!Files.isRegularFile(folder.resolve(name), LinkOption.NOFOLLOW_LINKS)
          && !Files.isSymbolicLink(folder.resolve(name))) {
        throw new InputException(
            "release %s has no %s, which its %s names; release it again"
                .formatted(folder, name, FILE));
      }
    }
    return release;
  }

  /// The names of its files, the report too.
  List<String> files() {
    List<String> names = new ArrayList<>(report.path("files").propertyNames());
    names.add(FILE);
    return names;
  }

  /// Checks that a file is the released one; the report itself has no digest.
  void check(String name, String digest) {
    if (name.equals(FILE) || name.equals(MediaTypes.LINEAGE)) {
      return;
    }
    String own = report.path("files").path(name).path("sha256").asString("");
    if (!own.equals(digest)) {
      throw new InputException(
          "release %s: %s is not the file that was released, by the digest in %s; release it again"
              .formatted(folder, name, FILE));
    }
  }

  /// The digest of the base's weights; null: unknown.
  @Nullable String base() {
    String base = report.at("/digests/base").asString("");
    return base.isEmpty() ? null : base;
  }

  /// The released model's sources, its storage format and its measurements.
  ///
  /// @param licence as the user gave it; null: none
  Map<String, Object> lineage(@Nullable String licence) {
    JsonNode digests = report.path("digests");
    Map<String, Object> all = new TreeMap<>();
    String base = base();
    all.put("base", base == null ? List.of() : List.of(base));
    Map<String, Object> adapter = new TreeMap<>();
    put(adapter, PeftAdapter.FILES.getFirst(), digests.path("adapter_config"));
    put(adapter, PeftAdapter.FILES.getLast(), digests.path("adapter"));
    all.put("adapter", adapter);
    put(all, "release", digests.path("release"));
    put(all, "tokenizer", digests.path("tokenizer"));
    put(all, "template", digests.path("template"));
    put(all, "held_out", digests.path("data"));
    put(all, "calibration", digests.path("calibration"));
    Map<String, Object> held = new TreeMap<>();
    put(held, "form", report.at("/settings/to"));
    put(held, "group_size", report.at("/settings/group_size"));
    JsonNode config = Json.readOrMissing(folder.resolve("config.json"));
    put(held, "quantization_config", config.path("quantization_config"));
    all.put("quantization", held);
    Map<String, Object> results = new TreeMap<>();
    for (String key : List.of("loss", "gain", "cost", "rows", "tokens", "merge")) {
      put(results, key, report.path(key));
    }
    put(results, "gate", report.at("/gate/verdict"));
    all.put("results", results);
    if (licence != null) {
      all.put("licence", licence);
    }
    return all;
  }

  private static void put(Map<String, Object> all, String key, JsonNode value) {
    if (!value.isMissingNode() && !value.isNull()) {
      all.put(key, value);
    }
  }
}
