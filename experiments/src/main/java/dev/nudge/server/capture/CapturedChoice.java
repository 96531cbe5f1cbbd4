package dev.nudge.server.capture;

import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.server.capture.FeedbackRows.Drop;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.MissingNode;
import tools.jackson.databind.node.ObjectNode;

/// A choice of a captured answer, which can be converted to rows.
///
/// @param line captured line of the answer
/// @param answer a text, or a message of the assistant
/// @param prompt digest of the prompt and its tools
/// @param key identifies prompt and answer
/// @param cut whether it ended at a limit, not by an end token
record CapturedChoice(JsonNode line, JsonNode answer, String prompt, String key, boolean cut) {
  /// Returns a choice of an answer; null: no such choice.
  static @Nullable CapturedChoice of(@Nullable JsonNode line, int index) {
    JsonNode answer = line == null ? MissingNode.getInstance() : line.path("answers").path(index);
    if (line == null || answer.isMissingNode()) {
      return null;
    }
    String asked = line.path("prompt") + " " + line.path("tools");
    String finish = line.path("finish").path(index).asString("");
    return of(
        line,
        plain(answer),
        Sha256.of(asked.getBytes(StandardCharsets.UTF_8)),
        finish.equals("length") || finish.equals("abort"));
  }

  private static CapturedChoice of(JsonNode line, JsonNode answer, String prompt, boolean cut) {
    String digest = Sha256.of(Json.line(answer).getBytes(StandardCharsets.UTF_8));
    return new CapturedChoice(line, answer, prompt, prompt + " " + digest, cut);
  }

  /// Converts a message for chat templates: without fields that only API clients need, and with
  /// tool arguments as objects.
  private static JsonNode plain(JsonNode answer) {
    if (!(answer instanceof ObjectNode given)) {
      return answer;
    }
    ObjectNode message = given.deepCopy();
    message.remove("refusal");
    for (JsonNode call : message.path("tool_calls")) {
      if (call.path("function") instanceof ObjectNode function) {
        JsonNode arguments = parsed(function.path("arguments").asString(""));
        if (arguments.isObject()) {
          function.set("arguments", arguments);
        }
      }
    }
    return message;
  }

  private static JsonNode parsed(String text) {
    try {
      return Json.parse(text);
    } catch (JacksonException e) {
      return MissingNode.getInstance(); // not JSON: it stays a text
    }
  }

  String client() {
    return line.path("client").asString("");
  }

  /// Returns why it cannot become a row; null: it can.
  @Nullable Drop useless() {
    JsonNode asked = line.path("prompt");
    if (asked.isString() ? asked.stringValue().isBlank() : asked.isEmpty()) {
      return Drop.NO_PROMPT;
    }
    boolean says =
        answer.isString()
            ? !answer.stringValue().isBlank()
            : !answer.path("content").asString("").isBlank()
                || !answer.path("tool_calls").isEmpty();
    return says ? null : Drop.EMPTY;
  }

  /// Returns this choice with the user's correction as the answer.
  ///
  /// @param correction a text, or a message
  CapturedChoice corrected(JsonNode correction) {
    boolean message = answer.isObject() && correction.isString();
    JsonNode better =
        message
            ? JsonNodeFactory.instance
                .objectNode()
                .put("role", "assistant")
                .put("content", correction.stringValue())
            : plain(correction);
    return of(line, better, prompt, false);
  }

  /// Returns a row for KTO.
  ObjectNode labelled(boolean good) {
    return said().put("label", good);
  }

  /// Returns a row for supervised fine-tuning.
  ObjectNode said() {
    ObjectNode row = row();
    row.set("completion", listed());
    return tools(row);
  }

  /// Returns a row for DPO with this answer as the chosen one.
  ObjectNode over(CapturedChoice rejected) {
    ObjectNode row = row();
    row.set("chosen", listed());
    row.set("rejected", rejected.listed());
    return tools(row);
  }

  private ObjectNode row() {
    ObjectNode row = JsonNodeFactory.instance.objectNode();
    row.set("prompt", line.path("prompt"));
    return row;
  }

  private JsonNode listed() {
    return answer.isObject() ? JsonNodeFactory.instance.arrayNode().add(answer) : answer;
  }

  private ObjectNode tools(ObjectNode row) {
    if (line.has("tools")) {
      row.set("tools", line.get("tools"));
    }
    return row;
  }
}
