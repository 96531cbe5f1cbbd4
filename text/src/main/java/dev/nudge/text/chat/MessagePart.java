package dev.nudge.text.chat;

/// The part of a message that a rendered character comes from.
public enum MessagePart {
  /// The header: `role`, `name`.
  HEADER,
  /// The content: all other keys.
  CONTENT,
  /// The reasoning: `reasoning_content` and its other names.
  REASONING,
  /// The tool calls of an assistant: `tool_calls`.
  CALLS;

  static MessagePart of(String key) {
    return switch (key) {
      case "role", "name" -> HEADER;
      case "reasoning_content", "thinking", "reasoning" -> REASONING;
      case "tool_calls" -> CALLS;
      default -> CONTENT;
    };
  }

  /// Whether this is more than the header.
  boolean said() {
    return this != HEADER;
  }
}
