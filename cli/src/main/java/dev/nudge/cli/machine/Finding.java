package dev.nudge.cli.machine;

/// A finding of `nudge doctor`.
///
/// @param name name of the check, the same on every machine
/// @param found the result, for people
/// @param state its effect on training
/// @param cost missing parts and their cost; empty: none
record Finding(String name, String found, State state, String cost) {

  /// The effect of a finding on training.
  enum State {
    OK,
    /// Training works, but slower or with less memory than possible.
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
