package dev.nudge.bench;

import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Recompute;

/// Computes the least anonymous memory of a QLoRA step in bf16, independently of the planner.
///
///     weights that are not mapped
///       + 18 bytes an adapter parameter, 4 more for each further lane
///       + saved activations of each token and layer
///       + one largest dequantised weight a lane
///       + one chunk of the head's logits a lane, fp32
///
/// An adapter parameter has an fp32 master, a bf16 working copy, an fp32 gradient and two fp32
/// moments.
///
/// @param adapter bytes of adapters
/// @param saved bytes of saved activations of all lanes
/// @param dequantized bytes of dequantised weights of all lanes
/// @param head bytes of the head's chunks
record Minimum(long weights, long adapter, long saved, long dequantized, long head) {
  private static final long HEAD_CHUNK = 16L << 20;
  private static final double SHARE = 1.15;
  private static final long ROOM = 250_000_000;

  /// @param tokens of all lanes together
  /// @param held bytes of weights not memory-mapped
  static Minimum of(ModelConfig c, Recompute level, long tokens, int lanes, int rank, long held) {
    long largest =
        2L
            * Math.max(
                (long) c.hiddenSize() * c.intermediateSize(),
                (long) c.hiddenSize() * c.attentionSize());
    return new Minimum(
        held,
        rank * LeastFlops.of(c, rank).adapted() * (18 + 4L * (lanes - 1)),
        tokens * c.numHiddenLayers() * saved(c, level, rank),
        lanes * largest,
        lanes * HEAD_CHUNK);
  }

  /// Saved bytes per layer and token.
  static long saved(ModelConfig c, Recompute level, int rank) {
    long rms = 4;
    long input = 2L * c.hiddenSize() + rms;
    long output = 2L * c.attentionSize() + 4L * c.numAttentionHeads();
    long queriesKeysValues = 2L * (c.attentionSize() + 2L * c.keyValueSize());
    long middle = 2L * c.hiddenSize() + rms;
    long gateUp = 2L * 2 * c.intermediateSize();
    long ranks = 2L * rank; // of one adapted layer
    return switch (level) {
      case NONE -> input + queriesKeysValues + output + middle + gateUp + 7 * ranks;
      case GATE_UP -> input + queriesKeysValues + output + middle + 4 * ranks;
      case ALL_BUT_ATTENTION -> input + output;
      case EVERYTHING -> input;
      case OFFLOADED -> rms;
    };
  }

  long total() {
    return weights + adapter + saved + dequantized + head;
  }

  /// Returns the project's limit for a step: 1.15 times the minimum plus 250 MB.
  long allowed() {
    return (long) (SHARE * total()) + ROOM;
  }
}
