package dev.nudge.registry;

import java.util.List;
import java.util.Map;

/// Media types of OCI and the CNCF's ModelPack for manifests, adapter files and releases.
final class MediaTypes {
  static final String MANIFEST = "application/vnd.oci.image.manifest.v1+json";
  static final String INDEX = "application/vnd.oci.image.index.v1+json";
  static final String EMPTY = "application/vnd.oci.empty.v1+json";
  static final String MODEL = "application/vnd.cncf.model.manifest.v1+json";
  static final String MODEL_CONFIG = "application/vnd.cncf.model.config.v1+json";
  static final String REPORT = "application/vnd.nudge.report.v1+json"; // of an artifact
  static final String WEIGHT = "application/vnd.cncf.model.weight.v1.raw";
  static final String WEIGHT_CONFIG = "application/vnd.cncf.model.weight.config.v1.raw";
  static final String DOC = "application/vnd.cncf.model.doc.v1.raw";

  static final String FILE_PATH = "org.cncf.model.filepath";
  static final String TITLE = "org.opencontainers.image.title";
  static final String REF_NAME = "org.opencontainers.image.ref.name";
  static final String BASE = "dev.nudge.base";
  static final String RANK = "dev.nudge.rank";

  static final String LINEAGE = "lineage.json";

  /// The files of an adapter folder that a version keeps, in manifest order.
  private static final Map<String, List<String>> FILES =
      Map.of(
          WEIGHT,
          List.of("adapter_model.safetensors"),
          WEIGHT_CONFIG,
          List.of(
              "adapter_config.json",
              "added_tokens.json",
              "chat_template.jinja",
              "nudge.json",
              "special_tokens_map.json",
              "tokenizer.json",
              "tokenizer_config.json"),
          DOC,
          List.of("LICENSE", "README.md", LINEAGE));

  private MediaTypes() {}

  /// The names of all files that a version of an adapter can have.
  static List<String> names() {
    return FILES.values().stream().flatMap(List::stream).sorted().toList();
  }

  /// The media type of a file.
  static String of(String name) {
    if (name.endsWith(".safetensors") || name.endsWith(".gguf")) {
      return WEIGHT;
    }
    if (name.endsWith(".jinja")) {
      return WEIGHT_CONFIG;
    }
    return FILES.entrySet().stream()
        .filter(kind -> kind.getValue().contains(name))
        .map(Map.Entry::getKey)
        .findFirst()
        .orElse(DOC);
  }
}
