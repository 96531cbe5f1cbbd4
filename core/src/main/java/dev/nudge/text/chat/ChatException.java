package dev.nudge.text.chat;

import dev.nudge.settings.NudgeException;

/// Says in one line why a conversation cannot be rendered: it is none, or its template refuses it.
public final class ChatException extends NudgeException {
  private static final long serialVersionUID = 1L;

  ChatException(String message) {
    super(message);
  }

  ChatException(String message, Throwable cause) {
    super(message, cause);
  }
}
