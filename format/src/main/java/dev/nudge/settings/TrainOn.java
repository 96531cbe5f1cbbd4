package dev.nudge.settings;

/// Which messages of a conversation are trained. A message's own `"train": false` or `"weight": x`
/// applies in addition.
public enum TrainOn {
  /// All assistant messages.
  ASSISTANT,
  /// The last assistant message.
  LAST,
  /// The whole text.
  ALL;

  /// Returns its name as a user writes it.
  public String shown() {
    return SettingType.written(this);
  }
}
