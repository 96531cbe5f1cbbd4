package dev.nudge.data.rows;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Converts ShareGPT's `conversations` to messages: `from` becomes the role, `value` the content.
///
/// Names of models become the assistant; `function_call` is an assistant message with the tool call
/// in its value, `observation` and `function_response` are tool messages. Other keys stay. A
/// message that already has `role` and `content` is not changed.
final class ShareGptRows {
  private static final Map<String, String> ROLES = new HashMap<>();
  private static final String CALL = "function_call";
  private static final JsonMapper JSON = JsonMapper.shared();

  static {
    is("user", "human user prompter");
    is("assistant", "gpt assistant chatgpt bing bard claude gemini llama model ai bot");
    is("system", "system");
    is("tool", "tool observation function_response function");
    is(CALL, CALL);
  }

  private ShareGptRows() {}

  private static void is(String role, String names) {
    for (String name : names.split(" ")) {
      ROLES.put(name, role);
    }
  }

  /// @param system the column of a system message, which a row may have
  static ArrayNode of(Row row, String column, String system) throws BadRowException {
    ArrayNode turns = row.list(column, "a list of messages");
    ArrayNode messages = JsonNodeFactory.instance.arrayNode();
    if (row.has(system) && !row.text(system).isEmpty()) {
      messages.add(Messages.message("system", row.text(system)));
    }
    for (int i = 0; i < turns.size(); i++) {
      messages.add(message("message " + (i + 1) + " of '" + column + "'", turns.get(i)));
    }
    return Messages.checked(column, messages);
  }

  private static JsonNode message(String where, JsonNode turn) throws BadRowException {
    if (!turn.isObject() || turn.hasNonNull("role") && !turn.has("from")) {
      return turn; // what is wrong with it is told by the check of all messages
    }
    JsonNode from = turn.path("from");
    JsonNode value = turn.path("value");
    if (!from.isString() || !value.isString()) {
      String missing = from.isString() ? "value" : "from";
      throw new BadRowException(
          where + " has no text '" + missing + "'", "a message has no text '" + missing + "'");
    }
    String role = ROLES.get(from.asString().toLowerCase(Locale.ROOT));
    if (role == null) {
      throw new BadRowException(
          "%s is from '%s'; known are human, gpt, system, tool and names of models"
              .formatted(where, from.asString()),
          "a message is from somebody who is not known");
    }
    ObjectNode message =
        role.equals(CALL)
            ? call(where, value.asString())
            : Messages.message(role, value.asString());
    for (Map.Entry<String, JsonNode> other : turn.properties()) {
      if (!other.getKey().equals("from") && !other.getKey().equals("value")) {
        message.set(other.getKey(), other.getValue());
      }
    }
    return message;
  }

  /// The message of an assistant that calls a function.
  private static ObjectNode call(String where, String value) throws BadRowException {
    JsonNode function = null;
    try {
      function = JSON.readTree(value);
    } catch (JacksonException e) {
      // told below
    }
    if (function == null || !function.path("name").isString()) {
      throw new BadRowException(
          where + " is a function_call whose value is no JSON with a name",
          "a message is a function_call whose value is no JSON with a name");
    }
    ObjectNode message = JsonNodeFactory.instance.objectNode().put("role", "assistant");
    message.putNull("content");
    ObjectNode call = message.putArray("tool_calls").addObject().put("type", "function");
    call.set("function", function);
    return message;
  }
}
