package dev.nudge.settings;

/// Says which messages of a conversation are trained. A message's own `"train": false` or
/// `"weight": x` holds within that.
public enum TrainOn {
  /// What the assistant says, in every turn.
  ASSISTANT,
  /// What the assistant says last.
  LAST,
  /// The whole text.
  ALL;

  /// Its name as a user writes it.
  public String shown() {
    return SettingType.written(this);
  }
}
