package dev.nudge.server.capture;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// A request with its answer, as the client received it.
///
/// @param request id of the request, which the client may have chosen
/// @param id id of the answer, drawn by the server; feedback refers to it
/// @param client name of the client in the keys file
/// @param model model name in the request
/// @param adapter name of the adapter, or the base's
/// @param version version of the adapter; null: the base, or an adapter from a folder
/// @param digest digest of the adapter; null: the base
/// @param base digest of the base's weights
/// @param experiment experiment of the request; null: none
/// @param arm arm of the experiment
/// @param prompt messages, or a text
/// @param tools tools of a chat; null: none
/// @param answers a message or a text for each choice
/// @param finish finish reason of each choice
public record CapturedAnswer(
    String request,
    String id,
    String client,
    String model,
    String adapter,
    @Nullable Integer version,
    @Nullable String digest,
    String base,
    @Nullable String experiment,
    @Nullable String arm,
    JsonNode prompt,
    @Nullable ArrayNode tools,
    List<JsonNode> answers,
    List<String> finish) {
  static final String KIND = "answer";

  /// Returns the file's line, without the time.
  ObjectNode json() {
    ObjectNode line = JsonNodeFactory.instance.objectNode().put("kind", KIND);
    line.put("id", id).put("request_id", request).put("client", client).put("model", model);
    line.put("adapter", adapter).put("version", version).put("adapter_digest", digest);
    line.put("base_digest", base);
    if (experiment != null) {
      line.put("experiment", experiment).put("arm", arm);
    }
    line.set("prompt", prompt);
    if (tools != null && !tools.isEmpty()) {
      line.set("tools", tools);
    }
    ArrayNode all = line.putArray("answers");
    answers.forEach(all::add);
    ArrayNode why = line.putArray("finish");
    finish.forEach(why::add);
    return line;
  }
}
