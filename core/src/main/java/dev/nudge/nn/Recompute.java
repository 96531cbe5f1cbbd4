package dev.nudge.nn;

/// Says what a decoder layer computes again in the backward pass instead of keeping it: from
/// nothing to all but its input. Every level gives the same bytes; they differ in memory and time.
///
/// The product of `down_proj` is never computed again: its result is needed for the next layer's
/// input only, which every level keeps.
public enum Recompute {
  /// Keeps the stream before each half, 1/rms of its rows, q, k, v, the attention's output and
  /// log-sum-exp, gate and up, and what adapters keep. Only what is elementwise is computed again.
  NONE,
  /// Computes gate and up again from the stream between the halves.
  GATE_UP,
  /// Keeps the layer's input and what its bodies may keep, of attention its output and log-sum-exp;
  /// no scores are computed again beyond what every backward pass does.
  ALL_BUT_ATTENTION,
  /// Keeps the layer's input alone.
  EVERYTHING,
  /// Keeps the layer's input in a mapped file whose pages the system can evict.
  OFFLOADED;

  /// What is computed again, in plain words.
  public String shown() {
    return switch (this) {
      case NONE -> "nothing";
      case GATE_UP -> "two products of the MLP";
      case ALL_BUT_ATTENTION -> "all but attention";
      case EVERYTHING -> "everything";
      case OFFLOADED -> "everything, its input in a file";
    };
  }

  /// Tells whether the stream between attention and feed-forward part is kept.
  public boolean keepsMiddle() {
    return this == NONE || this == GATE_UP;
  }
}
