package dev.nudge.settings.train;

/// The model that preferences are measured against.
public enum ReferenceModel {
  /// The base, with the adapter off.
  BASE,
  /// The adapter that training starts from.
  INIT_ADAPTER
}
