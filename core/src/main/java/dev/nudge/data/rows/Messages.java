package dev.nudge.data.rows;

import dev.nudge.text.chat.ChatException;
import dev.nudge.text.chat.Trained;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Validates a conversation: a list of messages in OpenAI's form, which is not changed.
///
/// A message is an object with a known `role` and a `content`, a text or a list of parts of text;
/// the content may be missing beside `tool_calls` or `reasoning_content`. A mistake names the
/// message by its number, from 1. Roles in an odd order and contents without a word are no mistakes
/// here: they are counted ([MessageOrder]).
public final class Messages {
  static final List<String> ROLES =
      List.of("system", "developer", "user", "assistant", "tool", "function");
  private static final Set<String> INSTEAD = Set.of("tool_calls", "reasoning_content", "thinking");

  private Messages() {}

  /// Returns the messages of a column.
  static ArrayNode of(Row row, String column) throws BadRowException {
    return checked(column, row.list(column, "a list of messages"));
  }

  /// Returns the tools of a column, a list or a text that is JSON; null where there are none.
  static @Nullable ArrayNode tools(Row row, String column) throws BadRowException {
    if (!row.has(column) || !row.isList(column) && row.text(column).isBlank()) {
      return null;
    }
    ArrayNode tools = row.list(column, "a list of tools");
    for (int i = 0; i < tools.size(); i++) {
      if (!tools.get(i).isObject()) {
        throw new BadRowException(
            "tool %d of '%s' is %s; an object is needed"
                .formatted(i + 1, column, kind(tools.get(i))),
            "a tool is no object");
      }
    }
    return tools.isEmpty() ? null : tools;
  }

  /// Checks the messages that stand in a column, and returns them.
  public static ArrayNode checked(String column, ArrayNode messages) throws BadRowException {
    if (messages.isEmpty()) {
      throw new BadRowException("'" + column + "' is an empty list; messages are needed");
    }
    for (int i = 0; i < messages.size(); i++) {
      check(
          "message " + (i + 1) + (column.equals("messages") ? "" : " of '" + column + "'"),
          messages.get(i));
    }
    return messages;
  }

  /// Tells whether somebody answers in a conversation.
  static boolean hasAnswer(ArrayNode messages) {
    return messages.valueStream().anyMatch(Messages::isAnswer);
  }

  /// Tells whether the assistant says a message.
  public static boolean isAnswer(JsonNode message) {
    return message.path("role").asString("").equals("assistant");
  }

  /// The text of the system message that a conversation begins with; null: it begins otherwise.
  public static @Nullable String system(ArrayNode messages) {
    if (!messages.path(0).path("role").asString("").equals("system")) {
      return null;
    }
    JsonNode content = messages.path(0).path("content");
    StringBuilder text = new StringBuilder(content.asString(""));
    content.forEach(part -> text.append(part.path("text").asString("")));
    return text.toString();
  }

  private static void check(String where, JsonNode message) throws BadRowException {
    if (!message.isObject()) {
      throw wrong(where, "is " + kind(message) + "; an object with role and content is needed");
    }
    JsonNode role = message.path("role");
    if (!role.isString()) {
      throw wrong(where, "has no role; " + roles());
    }
    if (!ROLES.contains(role.asString())) {
      String shown = role.asString().length() > 30 ? "…" : role.asString();
      throw wrong(where, "has the role '" + shown + "'; " + roles());
    }
    checkContent(where, role.asString(), message);
    try {
      Trained.weight(message);
    } catch (ChatException e) {
      throw wrong(where, String.valueOf(e.getMessage()));
    }
    JsonNode calls = message.path("tool_calls");
    if (!calls.isMissingNode() && !calls.isNull()) {
      checkCalls(where, calls);
    }
  }

  private static void checkContent(String where, String role, JsonNode message)
      throws BadRowException {
    JsonNode content = message.path("content");
    if (content.isString()) {
      return;
    }
    if (content.isMissingNode() || content.isNull()) {
      boolean instead = INSTEAD.stream().anyMatch(name -> message.hasNonNull(name));
      if (!role.equals("assistant") || !instead) {
        throw wrong(where, "has no content");
      }
      return;
    }
    if (!content.isArray()) {
      throw wrong(
          where,
          "has a content that is " + kind(content) + "; a text or a list of parts is needed");
    }
    for (JsonNode part : content) {
      String type = part.path("type").asString("");
      if (!type.equals("text")) {
        throw wrong(
            where,
            type.isEmpty()
                ? "has a part without a type"
                : "has a part of type '" + type + "'; parts of text are supported");
      }
      if (!part.path("text").isString()) {
        throw wrong(where, "has a part without a text");
      }
    }
  }

  private static void checkCalls(String where, JsonNode calls) throws BadRowException {
    if (!calls.isArray()) {
      throw wrong(where, "has tool_calls that are " + kind(calls) + "; a list is needed");
    }
    for (JsonNode call : calls) {
      JsonNode function = call.hasNonNull("function") ? call.get("function") : call;
      if (!function.path("name").isString()) {
        throw wrong(where, "has a tool call without the name of its function");
      }
    }
  }

  private static String roles() {
    return "known roles are " + String.join(", ", ROLES);
  }

  private static BadRowException wrong(String where, String what) {
    return new BadRowException(where + " " + what, "a message " + what);
  }

  static String kind(JsonNode node) {
    return switch (node.getNodeType()) {
      case ARRAY -> "a list";
      case OBJECT -> "an object";
      case STRING -> "a text";
      case NUMBER -> "a number";
      case BOOLEAN -> "a boolean";
      default -> "null";
    };
  }

  /// A new message.
  public static ObjectNode message(String role, String content) {
    return JsonNodeFactory.instance.objectNode().put("role", role).put("content", content);
  }
}
