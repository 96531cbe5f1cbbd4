package dev.nudge.server.http;

import dev.nudge.generate.Usage;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// The fields that all objects of one response share: id, time, model and adapter.
///
/// @param id such as `chatcmpl-…`
/// @param created Unix time in seconds
/// @param model name in the request
public record Heading(String id, long created, String model, Served served) {

  public static Heading of(String prefix, String model, Served served) {
    return new Heading(
        prefix + Exchange.random(), System.currentTimeMillis() / 1000, model, served);
  }

  /// Creates an object with these fields.
  public ObjectNode object(String kind) {
    ObjectNode object = JsonNodeFactory.instance.objectNode();
    object.put("id", id).put("object", kind).put("created", created).put("model", model);
    if (!served.isBase()) {
      ObjectNode adapter = object.putObject("adapter").put("name", served.name());
      if (served.version() != null) {
        adapter.put("version", served.version());
      }
      adapter.put("digest", served.digest());
    }
    return object;
  }

  /// The `usage` object in OpenAI's format.
  ///
  /// @param reasoning reasoning tokens; null: omitted
  public static ObjectNode usage(Usage spent, @Nullable Integer reasoning) {
    ObjectNode usage =
        JsonNodeFactory.instance
            .objectNode()
            .put("prompt_tokens", spent.promptTokens())
            .put("completion_tokens", spent.completionTokens())
            .put("total_tokens", spent.promptTokens() + spent.completionTokens());
    usage.putObject("prompt_tokens_details").put("cached_tokens", spent.cachedTokens());
    if (reasoning != null) {
      usage.putObject("completion_tokens_details").put("reasoning_tokens", reasoning);
    }
    return usage;
  }
}
