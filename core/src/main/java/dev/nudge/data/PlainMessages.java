package dev.nudge.data;

import dev.nudge.format.Json;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Brings messages of OpenAI's form into the form that chat templates know, for training and for
/// serving alike: parts of text are joined by line breaks, the arguments of a tool call that are a
/// JSON text become an object, the role `developer` becomes `system`.
public final class PlainMessages {
  private PlainMessages() {}

  /// Returns the messages in the form of templates; the given ones are not changed.
  static ArrayNode of(ArrayNode messages) {
    if (messages.valueStream().allMatch(m -> isPlain(m) && m.path("tool_calls").isEmpty())) {
      return messages;
    }
    ArrayNode plain = messages.deepCopy();
    convert(plain);
    return plain;
  }

  /// The same with arguments of calls as they are given.
  static ArrayNode withTexts(ArrayNode messages) {
    if (messages.valueStream().allMatch(PlainMessages::isPlain)) {
      return messages;
    }
    ArrayNode plain = messages.deepCopy();
    plain.forEach(message -> join((ObjectNode) message));
    return plain;
  }

  private static boolean isPlain(JsonNode message) {
    return !message.path("content").isArray()
        && !message.path("role").asString("").equals("developer");
  }

  /// Converts messages in place.
  public static void convert(ArrayNode messages) {
    for (JsonNode message : messages) {
      join((ObjectNode) message);
      message.path("tool_calls").forEach(PlainMessages::parse);
    }
  }

  private static void join(ObjectNode message) {
    JsonNode content = message.path("content");
    if (content.isArray()) {
      StringBuilder text = new StringBuilder();
      for (JsonNode part : content) {
        text.append(text.isEmpty() ? "" : "\n").append(part.path("text").asString());
      }
      message.put("content", text.toString());
    }
    if (message.path("role").asString("").equals("developer")) {
      message.put("role", "system");
    }
  }

  private static void parse(JsonNode call) {
    JsonNode called = call.hasNonNull("function") ? call.path("function") : call;
    if (called instanceof ObjectNode function && function.path("arguments").isString()) {
      try {
        JsonNode arguments = Json.parse(function.path("arguments").stringValue());
        function.set("arguments", arguments.isObject() ? arguments : function.path("arguments"));
      } catch (JacksonException e) {
        // it stays a text
      }
    }
  }
}
