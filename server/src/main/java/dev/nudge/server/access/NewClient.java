package dev.nudge.server.access;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// A client to add to the API key file.
///
/// @param adapters the client may use; empty: all
/// @param usual default model for a request without one; null: none
/// @param requests quota per minute; null: unlimited
/// @param tokens quota per day; null: unlimited
public record NewClient(
    String name,
    List<String> adapters,
    @Nullable String usual,
    @Nullable Long requests,
    @Nullable Long tokens) {

  public NewClient {
    adapters = List.copyOf(adapters);
  }

  /// Adds the client to a key file, which is created if absent.
  ///
  /// @return the new key, which is stored only as a digest
  /// @throws InputException if the file cannot be read, or has a client of that name
  public String addTo(Path file) {
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    if (Files.exists(file)) {
      ApiKeys.read(file); // throws if the file is invalid
      all = (ObjectNode) Json.read(file);
    }
    ArrayNode clients = all.withArray("clients");
    for (JsonNode one : clients) {
      if (one.path("name").asString().equals(name)) {
        throw new InputException(
            "%s has a client '%s' already; take it out of the file, or give another name"
                .formatted(file, name));
      }
    }
    String key = ApiKeys.make();
    ObjectNode added = clients.addObject().put("name", name).put("key", ApiKeys.digest(key));
    if (!adapters.isEmpty()) {
      adapters.forEach(added.putArray("adapters")::add);
    }
    if (usual != null) {
      added.put("default_adapter", usual);
    }
    if (requests != null) {
      added.put("requests_per_minute", requests);
    }
    if (tokens != null) {
      added.put("tokens_per_day", tokens);
    }
    OutFolder.place(file, Json.indented(all) + "\n");
    return key;
  }
}
