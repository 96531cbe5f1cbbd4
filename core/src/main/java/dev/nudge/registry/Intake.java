package dev.nudge.registry;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.nudge.adapter.PeftAdapter;
import dev.nudge.format.Blobs;
import dev.nudge.format.HubLinks;
import dev.nudge.format.Json;
import dev.nudge.format.RunFiles;
import dev.nudge.format.Sha256;
import dev.nudge.identity.Identity;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Prepares a folder for registration, an adapter or a release: checks it, selects its files, reads
/// its lineage.
///
/// @param kind its rank and base
/// @param files names of files that it may have
/// @param lineage contents of `lineage.json`
/// @param licence as the user gave it; null: none
record Intake(
    Path folder,
    Kind kind,
    List<String> files,
    Map<String, Object> lineage,
    @Nullable String licence) {

  /// A folder's kind.
  ///
  /// @param rank of A and B; 0: a release, whose adapter is merged
  /// @param base digest of the base's weights; for a quantised base, of its source model's; null:
  ///     unknown
  /// @param identity of an adapter; null: it has none, or this is a release
  /// @param release null: it is an adapter
  record Kind(
      int rank,
      @Nullable String base,
      @Nullable Identity identity,
      @Nullable ReleaseReport release) {
    /// Finds a folder's kind.
    ///
    /// @param any whether an adapter's `nudge.json` may be of another format
    /// @throws InputException if it is neither an adapter nor a release
    static Kind of(Path folder, boolean any) {
      ReleaseReport release = ReleaseReport.of(folder);
      if (release != null) {
        return new Kind(0, release.base(), null, release);
      }
      try (PeftAdapter adapter = PeftAdapter.open(folder)) {
        Identity identity = Identity.read(folder, any);
        return new Kind(adapter.kind().where().rank(), source(identity), identity, null);
      }
    }
  }

  /// Reads a folder.
  ///
  /// @throws InputException if it is no adapter and no release, or one of its files is a link,
  ///     whose target need not belong to it
  static Intake of(Path folder, @Nullable String licence) {
    Kind kind = Kind.of(folder, false);
    ReleaseReport release = kind.release();
    List<String> files = release == null ? MediaTypes.names() : release.files();
    for (String name : files) {
      if (isLink(folder, name) && !isCached(folder, name)) {
        throw new InputException(
            "%s %s: %s is a link, and links are not followed; copy the folder with what they lead to (cp -rL) and push the copy"
                .formatted(release == null ? "adapter" : "release", folder, name));
      }
    }
    Map<String, Object> lineage =
        release == null ? Lineage.of(folder, kind.identity(), licence) : release.lineage(licence);
    return new Intake(folder, kind, files, lineage, licence);
  }

  /// Whether a file, or a folder on the way to it, is a link.
  private static boolean isLink(Path folder, String name) {
    for (Path path = Path.of(name); path != null; path = path.getParent()) {
      if (Files.isSymbolicLink(folder.resolve(path))) {
        return true;
      }
    }
    return false;
  }

  /// Whether a link leads into the hub cache, like the links of a fetched adapter.
  private static boolean isCached(Path folder, String name) {
    try {
      return HubLinks.cached(folder.toRealPath(), folder.resolve(name).toRealPath());
    } catch (IOException e) {
      return false; // a broken link
    }
  }

  /// The digest of the base's weights; for a quantised base, of its source model's weights.
  private static @Nullable String source(@Nullable Identity identity) {
    return identity == null || identity.base().isEmpty() ? null : identity.base().getLast();
  }

  /// Stores the files and their manifest in a layout.
  StoredVersion store(OciLayout layout) {
    Blobs blobs = layout.blobs();
    List<Descriptor> layers = new ArrayList<>();
    ReleaseReport release = kind.release();
    for (String name : files) {
      Path file = folder.resolve(name);
      if (Files.isRegularFile(file) && !name.equals(MediaTypes.LINEAGE)) {
        Blobs.Blob blob = blobs.put(file);
        if (release != null) {
          release.check(name, blob.digest());
        }
        layers.add(layer(name, blob));
      }
    }
    if (!lineage.isEmpty()) {
      layers.add(layer(MediaTypes.LINEAGE, blobs.put(json(lineage))));
    }
    String base = kind.base();
    TreeMap<String, String> annotations = new TreeMap<>();
    annotations.put(MediaTypes.RANK, Integer.toString(kind.rank()));
    if (base != null) {
      annotations.put(MediaTypes.BASE, base);
    }
    Manifest manifest =
        new Manifest(
            MediaTypes.MODEL,
            Descriptor.of(MediaTypes.MODEL_CONFIG, blobs.put(json(config(layers)))),
            layers,
            base == null ? null : layout.base(base),
            annotations);
    return StoredVersion.of(layout, blobs.put(manifest.bytes()), manifest, kind.rank(), base);
  }

  private static Descriptor layer(String name, Blobs.Blob blob) {
    return Descriptor.of(MediaTypes.of(name), blob)
        .with(MediaTypes.FILE_PATH, name)
        .with(MediaTypes.TITLE, name);
  }

  /// The ModelPack config of the version.
  private Map<String, Object> config(List<Descriptor> layers) {
    Map<String, Object> descriptor = new TreeMap<>();
    if (licence != null) {
      descriptor.put("licenses", List.of(licence));
    }
    boolean gguf = files.stream().anyMatch(name -> name.endsWith(".gguf"));
    Map<String, Object> layered = new TreeMap<>();
    layered.put("diffIds", layers.stream().map(Descriptor::digest).toList());
    layered.put("type", "layers");
    Map<String, Object> all = new TreeMap<>();
    all.put("config", Map.of("format", gguf ? "gguf" : "safetensors"));
    all.put("descriptor", descriptor);
    all.put("modelfs", layered);
    return all;
  }

  private static byte[] json(Map<String, Object> values) {
    return Json.line(values).getBytes(StandardCharsets.UTF_8);
  }

  /// Collects the lineage of an adapter (`lineage.json`) from its `nudge.json` and `run.json`, and
  /// from the [QueryFiles] of a run on a query.
  ///
  /// Paths are left out, since the file may be published and digests identify more. Unknown facts
  /// are absent.
  private static final class Lineage {
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

    /// The source of the rows: a digest of the query, whose text may be private, and the versions
    /// of its tables. A run on other rows has no source, whatever files are beside it.
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
}
