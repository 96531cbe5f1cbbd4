package dev.nudge.hub;

import dev.nudge.format.Json;
import dev.nudge.settings.HubName;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The places where a config names its base by a path of the machine on which it was made, as
/// Python's libraries and nudge write them.
final class LocalPaths {
  static final List<String> FILES =
      List.of("adapter_config.json", "config.json", "tokenizer_config.json");

  private static final List<String> KEYS =
      List.of("base_model_name_or_path", "_name_or_path", "name_or_path");

  private LocalPaths() {}

  /// The text of a config without local paths; null: it has none.
  static @Nullable String replaced(Path config) {
    JsonNode root = Json.readOrMissing(config);
    boolean changed = false;
    if (root instanceof ObjectNode object) {
      for (String key : KEYS) {
        String given = object.path(key).asString("");
        String name = base(given);
        if (!name.equals(given)) {
          object.put(key, name);
          changed = true;
        }
      }
    }
    return changed ? Json.indented(root) : null;
  }

  /// The name of a base as it may be published: of the hub, else the last name of its path.
  static String base(String given) {
    try {
      boolean local = !given.isEmpty() && (!RepoName.isName(given) || Files.exists(Path.of(given)));
      return local ? HubName.last(Path.of(given.replace('\\', '/'))) : given;
    } catch (InvalidPathException e) {
      return "";
    }
  }
}
