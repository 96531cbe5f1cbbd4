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
  /// Keeps the layer's input and the attention's output and log-sum-exp; no scores are computed
  /// again beyond what every backward pass does.
  ALL_BUT_ATTENTION,
  /// Keeps the layer's input alone.
  EVERYTHING,
  /// Keeps the layer's input in a mapped file whose pages the system can evict.
  OFFLOADED;

  /// Tells whether the stream between attention and feed-forward part is kept.
  public boolean keepsMiddle() {
    return this == NONE || this == GATE_UP;
  }

  /// The numbers that decide what a layer keeps.
  ///
  /// @param width of the stream
  /// @param inner width between the products of the feed-forward part
  /// @param queryWidth query heads × head dimension
  /// @param keyWidth key-value heads × head dimension
  /// @param heads query heads
  /// @param attentionRanks ranks of the adapters on q, k, v and o together
  /// @param mlpRanks ranks of the adapters on gate, up and down together
  /// @param bytes of a number in the compute type
  /// @param accumulatorBytes of a number in the accumulator type
  public record Shape(
      int width,
      int inner,
      int queryWidth,
      int keyWidth,
      int heads,
      int attentionRanks,
      int mlpRanks,
      int bytes,
      int accumulatorBytes) {}

  /// Bytes that a layer keeps in memory for each token; OFFLOADED writes `width` numbers of the
  /// compute type to its file besides.
  public long savedBytes(Shape s) {
    long rms = s.accumulatorBytes;
    long input = (long) s.bytes * s.width + rms;
    long output = (long) s.bytes * s.queryWidth + (long) s.accumulatorBytes * s.heads;
    long attention = output + (long) s.bytes * (s.queryWidth + 2L * s.keyWidth + s.attentionRanks);
    long middle = (long) s.bytes * s.width + rms;
    long mlp = (long) s.bytes * (2L * s.inner + s.mlpRanks);
    return switch (this) {
      case NONE -> input + attention + middle + mlp;
      case GATE_UP -> input + attention + middle;
      case ALL_BUT_ATTENTION -> input + output;
      case EVERYTHING -> input;
      case OFFLOADED -> rms;
    };
  }
}
