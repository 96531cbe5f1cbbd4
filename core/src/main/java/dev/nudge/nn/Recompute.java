package dev.nudge.nn;

/// Levels of gradient checkpointing: which of a layer's activations the backward pass recomputes,
/// from none to all but its input. All levels are bit-identical; memory and time differ.
///
/// The product of `down_proj` is never recomputed: only the next layer's input needs its result,
/// and every level keeps that input.
public enum Recompute {
  /// Keeps the stream before each half, 1/rms of its rows, q, k, v, the attention's output and
  /// log-sum-exp, gate and up, and adapters' activations. Recomputes only element-wise results.
  NONE,
  /// Recomputes gate and up from the stream between the halves.
  GATE_UP,
  /// Keeps the layer's input and the bodies' [Body.Activations]: attention's output and
  /// log-sum-exp, so that the forward pass of attention is not recomputed.
  ALL_BUT_ATTENTION,
  /// Keeps only the layer's input.
  EVERYTHING,
  /// Keeps the layer's input in a mapped file whose pages the system can evict.
  OFFLOADED;

  /// A description of the level for messages.
  public String shown() {
    return switch (this) {
      case NONE -> "nothing";
      case GATE_UP -> "gate and up projections";
      case ALL_BUT_ATTENTION -> "all but attention";
      case EVERYTHING -> "everything";
      case OFFLOADED -> "everything (layer inputs in a file)";
    };
  }

  /// Returns whether the stream between the layer's halves is kept.
  public boolean keepsMiddle() {
    return this == NONE || this == GATE_UP;
  }
}
