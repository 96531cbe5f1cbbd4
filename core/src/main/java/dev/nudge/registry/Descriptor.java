package dev.nudge.registry;

import dev.nudge.format.Blobs;
import dev.nudge.settings.InputException;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// An OCI descriptor: media type, digest and size of a blob.
///
/// @param artifactType of a manifest; null: none
/// @param annotations sorted by key
record Descriptor(
    String mediaType,
    String digest,
    long size,
    @Nullable String artifactType,
    TreeMap<String, String> annotations) {

  static Descriptor of(String mediaType, Blobs.Blob blob) {
    return new Descriptor(mediaType, blob.digest(), blob.size(), null, new TreeMap<>());
  }

  Descriptor as(String type) {
    return new Descriptor(mediaType, digest, size, type, annotations);
  }

  Descriptor with(String key, String value) {
    TreeMap<String, String> all = new TreeMap<>(annotations);
    all.put(key, value);
    return new Descriptor(mediaType, digest, size, artifactType, all);
  }

  /// The JSON keys in order, without empty values.
  Map<String, Object> values() {
    Map<String, Object> all = new TreeMap<>();
    if (!annotations.isEmpty()) {
      all.put("annotations", annotations);
    }
    if (artifactType != null) {
      all.put("artifactType", artifactType);
    }
    all.put("digest", digest);
    all.put("mediaType", mediaType);
    all.put("size", size);
    return all;
  }

  /// Parses a descriptor.
  ///
  /// @param where the file it is in, for messages
  /// @throws InputException if it is invalid
  static Descriptor of(JsonNode node, String where) {
    String digest = node.path("digest").asString("");
    long size = node.path("size").asLong(-1);
    if (!Blobs.isDigest(digest) || size < 0 || !node.path("mediaType").isString()) {
      throw new InputException(
          where + " has a descriptor without mediaType, sha256 digest and size; it is damaged");
    }
    TreeMap<String, String> annotations = new TreeMap<>();
    node.path("annotations")
        .properties()
        .forEach(e -> annotations.put(e.getKey(), e.getValue().asString("")));
    JsonNode type = node.path("artifactType");
    return new Descriptor(
        node.path("mediaType").asString(),
        digest,
        size,
        type.isString() ? type.asString() : null,
        annotations);
  }
}
