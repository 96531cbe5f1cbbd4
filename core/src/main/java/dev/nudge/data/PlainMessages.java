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
    if (messages.valueStream().allMatch(PlainMessages::isPlain)) {
      return messages;
    }
    ArrayNode plain = messages.deepCopy();
    convert(plain);
    return plain;
  }

  private static boolean isPlain(JsonNode message) {
    return !message.path("content").isArray()
        && !message.path("role").asString("").equals("developer")
        && message.path("tool_calls").isEmpty();
  }

  /// Converts messages in place.
  public static void convert(ArrayNode messages) {
    messages.forEach(message -> convert((ObjectNode) message));
  }

  private static void convert(ObjectNode message) {
    JsonNode content = message.path("content");
    if (content.isArray()) {
      StringBuilder text = new StringBuilder();
      for (JsonNode part : content) {
        text.append(text.isEmpty() ? "" : "\n").append(part.path("text").asString());
      }
      message.put("content", text.toString());
    }
    if (message.path("role").asString().equals("developer")) {
      message.put("role", "system");
    }
    for (JsonNode call : message.path("tool_calls")) {
      if ((call.hasNonNull("function") ? call.path("function") : call) instanceof ObjectNode called
          && called.path("arguments").isString()) {
        try {
          JsonNode arguments = Json.parse(called.path("arguments").stringValue());
          called.set("arguments", arguments.isObject() ? arguments : called.path("arguments"));
        } catch (JacksonException e) {
          // it stays a text
        }
      }
    }
  }
}
