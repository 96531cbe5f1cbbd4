package dev.nudge.text.chat;

/// Is what of a message wrote a character.
public enum MessagePart {
  /// Who speaks: `role`, `name`.
  HEADER,
  /// What is said: all that is none of the others.
  CONTENT,
  /// What was thought before it: `reasoning_content` and its other names.
  REASONING,
  /// What an assistant asks tools for: `tool_calls`.
  CALLS;

  static MessagePart of(String key) {
    return switch (key) {
      case "role", "name" -> HEADER;
      case "reasoning_content", "thinking", "reasoning" -> REASONING;
      case "tool_calls" -> CALLS;
      default -> CONTENT;
    };
  }

  /// Whether it is more than who speaks.
  boolean said() {
    return this != HEADER;
  }
}
