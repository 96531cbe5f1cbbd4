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

/// A choice of a captured answer, and the rows that can be made of it.
///
/// @param line of the answer
/// @param answer a text, or a message of the assistant
/// @param prompt digest of the prompt and its tools
/// @param key names prompt and answer
/// @param cut whether it ended at a limit and not by itself
record CapturedChoice(JsonNode line, JsonNode answer, String prompt, String key, boolean cut) {
  /// A choice of an answer; null if there is none.
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

  /// A message as chat templates know it: without the fields that only clients of a server read,
  /// arguments of tools as objects.
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
      return MissingNode.getInstance(); // it stays a text
    }
  }

  String client() {
    return line.path("client").asString("");
  }

  /// Why no row can be made of it; null: one can.
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

  /// The answer as a user would have it.
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

  /// A row of kto.
  ObjectNode labelled(boolean good) {
    return said().put("label", good);
  }

  /// A row of supervised fine-tuning.
  ObjectNode said() {
    ObjectNode row = row();
    row.set("completion", listed());
    return tools(row);
  }

  /// A row of dpo with this answer as the chosen one.
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
