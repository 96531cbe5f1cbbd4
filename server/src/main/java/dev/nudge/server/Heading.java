package dev.nudge.server;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// What all objects of one answer have in common: the same id, time and model in each, and which
/// adapter it is of.
///
/// @param id such as `chatcmpl-…`
/// @param created seconds since 1970
/// @param model as the request names it
record Heading(String id, long created, String model, Served served) {

  static Heading of(String prefix, String model, Served served) {
    return new Heading(
        prefix + Exchange.random(), System.currentTimeMillis() / 1000, model, served);
  }

  /// Begins an object.
  ObjectNode object(String kind) {
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

  /// What an answer took, as OpenAI tells it.
  ///
  /// @param reasoning tokens of thoughts; null: not told
  static ObjectNode usage(Exchange.Spent spent, @Nullable Integer reasoning) {
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
