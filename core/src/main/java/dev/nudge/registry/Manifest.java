package dev.nudge.registry;

import dev.nudge.format.Blobs;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// An OCI image manifest: names, digests and media types of a version's files.
///
/// nudge writes canonical manifests: keys sorted, no whitespace, without time, user or adapter
/// name. So the same files have the same digest wherever they are registered.
///
/// @param config the ModelPack config
/// @param layers the files
/// @param subject the base's manifest, or for a report the version's; null: none
record Manifest(
    String artifactType,
    Descriptor config,
    List<Descriptor> layers,
    @Nullable Descriptor subject,
    TreeMap<String, String> annotations) {
  private static final int MOST_LAYERS = 1024; // a quantised model has a file a layer
  private static final int MOST_BYTES = 4 << 20;
  private static final String NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,127}";
  private static final Pattern FILE = Pattern.compile(NAME + "(?:/" + NAME + "){0,3}");

  /// The canonical bytes, of which the digest is computed.
  byte[] bytes() {
    Map<String, Object> all = new TreeMap<>();
    if (!annotations.isEmpty()) {
      all.put("annotations", annotations);
    }
    all.put("artifactType", artifactType);
    all.put("config", config.values());
    all.put("layers", layers.stream().map(Descriptor::values).toList());
    all.put("mediaType", MediaTypes.MANIFEST);
    all.put("schemaVersion", 2);
    if (subject != null) {
      all.put("subject", subject.values());
    }
    return Json.line(all).getBytes(StandardCharsets.UTF_8);
  }

  /// Parses a manifest, written by nudge or another tool.
  ///
  /// @param where it was found, for messages
  /// @throws InputException if it is invalid
  static Manifest read(byte[] bytes, String where) {
    JsonNode all = parsed(bytes, where);
    String type = all.path("mediaType").asString(MediaTypes.MANIFEST);
    if (!type.equals(MediaTypes.MANIFEST) || !all.path("layers").isArray()) {
      throw new InputException(
          "%s is %s; the manifest of one model (%s) is needed"
              .formatted(where, shown(type), MediaTypes.MANIFEST));
    }
    List<Descriptor> layers = new ArrayList<>();
    all.path("layers").forEach(layer -> layers.add(Descriptor.of(layer, where)));
    if (layers.size() > MOST_LAYERS) {
      throw new InputException(
          "%s has %d files; at most %d are taken".formatted(where, layers.size(), MOST_LAYERS));
    }
    Descriptor config = Descriptor.of(all.path("config"), where);
    JsonNode subject = all.path("subject");
    TreeMap<String, String> annotations = new TreeMap<>();
    all.path("annotations")
        .properties()
        .forEach(e -> annotations.put(e.getKey(), e.getValue().asString("")));
    return new Manifest(
        all.path("artifactType").asString(config.mediaType()),
        config,
        List.copyOf(layers),
        subject.isObject() ? Descriptor.of(subject, where) : null,
        annotations);
  }

  private static JsonNode parsed(byte[] bytes, String where) {
    if (bytes.length > MOST_BYTES) {
      throw new InputException(where + " is no manifest: it is longer than 4 MiB");
    }
    try {
      return Json.parseStrictly(bytes);
    } catch (JacksonException e) {
      throw new InputException(where + " is no manifest: it is not JSON", e);
    }
  }

  private static String shown(String type) {
    return type.replaceAll("[^ -~]", "?");
  }

  /// Whether a text is a plain file name, or a path of plain names with slashes between them, which
  /// cannot leave its folder.
  static boolean isPlain(String name) {
    return FILE.matcher(name).matches();
  }

  /// The files by name.
  ///
  /// @throws InputException if a layer has no name, or not the name of a plain file
  Map<String, Descriptor> files(String where) {
    Map<String, Descriptor> files = new LinkedHashMap<>();
    for (Descriptor layer : layers) {
      String title = layer.annotations().getOrDefault(MediaTypes.TITLE, "");
      String name = layer.annotations().getOrDefault(MediaTypes.FILE_PATH, title);
      if (!isPlain(name) || files.put(name, layer) != null) {
        throw new InputException(
            "%s names a file '%s'; a plain name that comes once is needed in %s"
                .formatted(where, shown(name), MediaTypes.FILE_PATH));
      }
    }
    for (String name : files.keySet()) {
      for (int end = name.indexOf('/'); end > 0; end = name.indexOf('/', end + 1)) {
        if (files.containsKey(name.substring(0, end))) {
          throw new InputException(
              "%s names a file '%s' and one below it, '%s'; a name is a file or a folder"
                  .formatted(where, name.substring(0, end), name));
        }
      }
    }
    return files;
  }

  /// All blobs that the manifest references, without its subject.
  Stream<Descriptor> content() {
    return Stream.concat(Stream.of(config), layers.stream());
  }

  /// The manifest of a base model: the digest of its weights and no files. It is the subject of all
  /// adapters of that base.
  static Manifest ofBase(String digest, Blobs blobs) {
    Map<String, Object> config = new TreeMap<>();
    config.put("descriptor", Map.of("revision", digest));
    config.put("modelfs", new TreeMap<>(Map.of("diffIds", List.of(), "type", "layers")));
    Blobs.Blob blob = blobs.put(Json.line(config).getBytes(StandardCharsets.UTF_8));
    return new Manifest(
        MediaTypes.MODEL,
        Descriptor.of(MediaTypes.MODEL_CONFIG, blob),
        List.of(empty(blobs)),
        null,
        new TreeMap<>(Map.of(MediaTypes.BASE, digest)));
  }

  /// The manifest that attaches a report to a version (an OCI referrer).
  static Manifest ofReport(String name, Descriptor report, Descriptor version, Blobs blobs) {
    return new Manifest(
        MediaTypes.REPORT,
        empty(blobs),
        List.of(report.with(MediaTypes.TITLE, name)),
        version,
        new TreeMap<>());
  }

  private static Descriptor empty(Blobs blobs) {
    return Descriptor.of(MediaTypes.EMPTY, blobs.put("{}".getBytes(StandardCharsets.UTF_8)));
  }
}
