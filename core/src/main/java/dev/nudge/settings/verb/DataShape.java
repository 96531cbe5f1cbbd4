package dev.nudge.settings.verb;

import dev.nudge.settings.SettingType;

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
  TEXT,
  /// `chosen` and `rejected`, and `prompt` unless it is their common beginning.
  PREFERENCE,
  /// `prompt` and `completion`, and `label`, true for a good one.
  UNPAIRED_PREFERENCE,
  /// `prompt`, `completions` and `rewards`, a number for each completion.
  GROUP,
  /// `prompt`, whose completions are sampled in training.
  PROMPT_ONLY;

  /// Whether its rows hold one prompt and its one completion.
  public boolean single() {
    return this != PREFERENCE && this != GROUP && this != PROMPT_ONLY;
  }

  /// Its name as a user writes it: `prompt-completion`.
  public String shown() {
    return SettingType.written(this);
  }
}
