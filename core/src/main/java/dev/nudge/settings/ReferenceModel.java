package dev.nudge.settings;

/// The model that preferences are measured against.
public enum ReferenceModel {
  /// The base, with the adapter off.
  BASE,
  /// The adapter that training starts from.
  INIT_ADAPTER;

  /// Its name as a user writes it: `init-adapter`.
  public String shown() {
    return SettingType.written(this);
  }
}
