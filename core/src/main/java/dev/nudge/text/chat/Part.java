package dev.nudge.text.chat;

import java.util.Set;

/// Is what of a message wrote a character.
public enum Part {
  /// Who speaks: `role`, `name`.
  HEADER,
  /// What is said: all else.
  CONTENT;

  private static final Set<String> OF_HEADER = Set.of("role", "name");

  static Part of(String key) {
    return OF_HEADER.contains(key) ? HEADER : CONTENT;
  }
}
