package dev.nudge.constrain;

/// The call stack under a running rule: where its callers go on, each with its own tail.
///
/// Several callers share one tail (a graph-structured stack), so the number of ways to parse a text
/// does not grow with the depth of nesting.
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
