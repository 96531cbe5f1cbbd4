package dev.nudge.text.chat;

import dev.nudge.settings.NudgeException;

/// Says in one line how a conversation is malformed, or why its template refuses it.
public final class ChatException extends NudgeException {
  private static final long serialVersionUID = 1L;

  ChatException(String message) {
    super(message);
  }

  ChatException(String message, Throwable cause) {
    super(message, cause);
  }
}
