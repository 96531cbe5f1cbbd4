package dev.nudge.settings;

/// What a row looks like: which columns hold what is shown and what is trained.
public enum DataShape {
  /// `messages`, a list of `role` and `content`, with `tools` where there are any.
  MESSAGES,
  /// `conversations`, a list of `from` and `value`.
  SHAREGPT,
  /// `instruction`, `output` and perhaps `input`, `history` and `system`.
  ALPACA,
  /// `prompt` and `completion`, two texts or two lists of messages.
  PROMPT_COMPLETION,
  /// `text`.
  TEXT;

  /// Its name as a user writes it: `prompt-completion`.
  public String shown() {
    return SettingType.written(this);
  }
}
