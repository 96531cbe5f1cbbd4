package dev.nudge.settings;

/// The shape of a row: which columns hold the prompt, the completion or the messages.
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
