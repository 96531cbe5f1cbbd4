package dev.nudge.engine;

import dev.nudge.settings.InputException;

/// Says that a sequence may grow to more keys than there is memory for.
public final class NoRoomException extends InputException {
  private static final long serialVersionUID = 1L;

  private final String facts;

  NoRoomException(String facts) {
    super(facts + "; lower --max-tokens, shorten the prompt or raise --memory");
    this.facts = facts;
  }

  /// The message without what a command may do about it.
  public String facts() {
    return facts;
  }
}
