package dev.nudge.hub;

import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// The listing of a repository's files at one commit.
///
/// @param commit 40 hex digits
record RepoTree(String commit, List<HubFile> files) {
  private static final int FORMAT = 1; // format of huggingface_hub's trees/COMMIT.json

  RepoTree {
    files = List.copyOf(files);
  }

  /// Reads a page of the hub's listing.
  ///
  /// @throws InputException if a name or a digest is not allowed
  static List<HubFile> page(JsonNode page) {
    List<HubFile> files = new ArrayList<>();
    for (JsonNode entry : page) {
      if (entry.path("type").asString("").equals("file")) {
        JsonNode lfs = entry.path("lfs");
        boolean large = lfs.isObject();
        files.add(
            new HubFile(
                entry.path("path").asString(""),
                large ? lfs.path("size").asLong(-1) : entry.path("size").asLong(-1),
                entry.path("oid").asString(""),
                large ? lfs.path("oid").asString("") : null,
                entry.path("xetHash").isString() ? entry.path("xetHash").asString() : null));
      }
    }
    return files;
  }

  /// Reads a listing that huggingface_hub stored; null: another version, or broken.
  static @Nullable RepoTree read(String commit, String text) {
    try {
      JsonNode root = Json.parse(text);
      if (root.path("format_version").asInt(0) != FORMAT) {
        return null;
      }
      List<HubFile> files = new ArrayList<>();
      for (Map.Entry<String, JsonNode> entry : root.path("files").properties()) {
        JsonNode about = entry.getValue();
        files.add(
            new HubFile(
                entry.getKey(),
                about.path("size").asLong(-1),
                about.path("blob_id").asString(""),
                about.path("lfs_sha256").isString() ? about.path("lfs_sha256").asString() : null,
                about.path("xet_hash").isString() ? about.path("xet_hash").asString() : null));
      }
      return new RepoTree(commit, files);
    } catch (JacksonException | InputException e) {
      return null;
    }
  }

  /// Writes the listing in huggingface_hub's format.
  String text() {
    Map<String, Object> all = new TreeMap<>();
    for (HubFile file : files) {
      Map<String, Object> about = new LinkedHashMap<>();
      about.put("size", file.size());
      about.put("blob_id", file.oid());
      if (file.sha256() != null) {
        about.put("lfs_sha256", file.sha256());
        about.put("lfs_size", file.size());
      }
      if (file.xet() != null) {
        about.put("xet_hash", file.xet());
      }
      all.put(file.path(), about);
    }
    Map<String, Object> root = new LinkedHashMap<>();
    root.put("format_version", FORMAT);
    root.put("files", all);
    return Json.indented(root);
  }

  /// Returns the file with a path; null: none.
  @Nullable HubFile file(String path) {
    return files.stream().filter(file -> file.path().equals(path)).findFirst().orElse(null);
  }
}
