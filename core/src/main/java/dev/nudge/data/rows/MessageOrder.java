package dev.nudge.data.rows;

import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/// Checks the order of roles in a conversation, and finds empty messages.
///
/// In order is: system messages first, then user and assistant by turns, the user first; an
/// assistant that called tools goes on behind their results.
final class MessageOrder {
  private static final Set<String> PLAIN = Set.of("role", "content", "train", "weight");

  private MessageOrder() {}

  /// Whether no message stands where it usually does not.
  static boolean inOrder(ArrayNode messages) {
    String before = "";
    for (JsonNode message : messages) {
      String role = kind(message);
      boolean expected =
          switch (role) {
            case "system" -> before.isEmpty() || before.equals("system");
            case "user" -> !before.equals("user") && !before.equals("tool");
            case "assistant" -> before.equals("user") || before.equals("tool");
            default -> before.equals("assistant") || before.equals("tool");
          };
      if (!expected) {
        return false;
      }
      before = role;
    }
    return true;
  }

  private static String kind(JsonNode message) {
    String role = message.path("role").asString("");
    return switch (role) {
      case "developer" -> "system";
      case "function" -> "tool";
      default -> role;
    };
  }

  /// Whether a message says nothing and calls nothing.
  static boolean hasEmpty(ArrayNode messages) {
    for (JsonNode message : messages) {
      if (text(message).isBlank() && message.path("tool_calls").isEmpty()) {
        return true;
      }
    }
    return false;
  }

  /// The text of a message, its parts one after the other.
  static String text(JsonNode message) {
    JsonNode content = message.path("content");
    if (content.isString()) {
      return content.asString();
    }
    StringBuilder text = new StringBuilder();
    for (JsonNode part : content) {
      text.append(part.path("text").asString(""));
    }
    return text.toString();
  }

  /// All that a message says: its text, and what stands beside it, such as tool calls and thoughts,
  /// as JSON.
  static String all(JsonNode message) {
    StringBuilder all = new StringBuilder(text(message));
    for (Map.Entry<String, JsonNode> entry : message.properties()) {
      if (!PLAIN.contains(entry.getKey()) && !entry.getValue().isNull()) {
        all.append('\n').append(entry.getValue());
      }
    }
    return all.toString();
  }
}
