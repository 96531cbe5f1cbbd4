package dev.nudge.constrain;

/// What lies under a rule that runs: where its callers go on when it ends, each with its own tail.
///
/// Several callers make one tail, so that ways to read a text that differ only further up are one
/// way here: their number does not grow with depth.
final class Tail {
  static final Tail BOTTOM = new Tail(true, new Local[0], new Tail[0]);

  /// Whether nothing is under it: the rule's end is the end of what is looked at.
  final boolean bottom;

  final Local[] back;
  final Tail[] under;

  Tail(boolean bottom, Local[] back, Tail[] under) {
    this.bottom = bottom;
    this.back = back;
    this.under = under;
  }
}
