package dev.nudge.cli;

/// One thing that `doctor` looked at.
///
/// @param name what was looked at, the same on every machine
/// @param found what is there, for people
/// @param state what that means for training
/// @param cost what is missing and what it costs; empty where nothing is
record Finding(String name, String found, State state, String cost) {

  /// Says what a finding means for training.
  enum State {
    OK,
    /// Training works, but slower or with less room than it could.
    COSTS,
    /// Training does not work.
    MISSING
  }

  static Finding ok(String name, String found) {
    return new Finding(name, found, State.OK, "");
  }

  static Finding costs(String name, String found, String cost) {
    return new Finding(name, found, State.COSTS, cost);
  }

  static Finding missing(String name, String found, String cost) {
    return new Finding(name, found, State.MISSING, cost);
  }
}
