package dev.nudge.engine;

import dev.nudge.model.CausalLm;
import org.jspecify.annotations.Nullable;

/// Bounds the memory, threads and sequences of an engine.
///
/// @param threads processor threads
/// @param keyBytes KV cache memory of all sequences together, in bytes
/// @param longest positions of the longest sequence
/// @param speculate whether speculative decoding by prompt lookup is on
/// @param sequences most sequences that run side by side, at most [#ROWS]
/// @param spareBytes memory for scoring and embedding before they use that of the KV cache, in
///     bytes
/// @param promptBytes memory for packed weights that prefill passes keep, in bytes: 0, or as many
///     as [dev.nudge.model.PackedWeights#promptBytes] says
public record Limits(
    int threads,
    long keyBytes,
    int longest,
    boolean speculate,
    int sequences,
    long spareBytes,
    long promptBytes) {
  /// Tokens of a KV cache block.
  public static final int BLOCK = 64;

  /// Tokens of prompts that a step reads at most.
  static final int READ = 512;

  /// Most rows of a decode step, drafted tokens included, and so most sequences that run at once.
  public static final int ROWS = 32;

  private static final int PROMPTS_SHARE = 4; // packed weights are one part in so many, at most

  /// Bounds an engine by its KV cache memory alone: up to [#ROWS] sequences, no spare memory.
  public Limits(int threads, long keyBytes, int longest, boolean speculate) {
    this(threads, keyBytes, longest, speculate, ROWS, 0, 0);
  }

  public Limits {
    sequences = Math.min(sequences, ROWS);
  }

  /// Returns the limits of an engine for a loaded model.
  ///
  /// Prefill passes keep packed weights if those take at most a quarter of what is left.
  ///
  /// @param memory bytes of weights, workspace and KV cache together; null: of `free - held`, half
  ///     is for the KV cache and half is spare
  /// @param free bytes that were free before the weights were loaded
  /// @param held bytes of the weights
  /// @param longest positions of the longest sequence
  public static Limits of(
      CausalLm model, int threads, @Nullable Long memory, long free, long held, int longest) {
    long left =
        memory == null
            ? Math.max(0, free - held)
            : Math.max(0, memory - held - roomBytes(model, threads, longest));
    long prompts = model.packed().promptBytes();
    if (prompts > left / PROMPTS_SHARE || left - prompts < 2 * sequenceBytes(model, longest)) {
      prompts = 0;
    }
    left -= prompts;
    long keys = memory == null ? left / 2 : left;
    return new Limits(threads, keys, longest, true, ROWS, memory == null ? keys : 0, prompts);
  }

  /// Returns limits whose KV cache holds so many sequences of the maximum length.
  ///
  /// @param longest positions of the longest sequence
  public static Limits of(CausalLm model, int threads, int sequences, int longest) {
    long keys = sequences * sequenceBytes(model, longest);
    return new Limits(threads, keys, longest, true);
  }

  /// Copies the limits with another size of the KV cache.
  public Limits withKeyBytes(long bytes) {
    return new Limits(threads, bytes, longest, speculate, sequences, spareBytes, promptBytes);
  }

  /// Copies the limits with another maximum of running sequences.
  public Limits withSequences(int most) {
    return new Limits(threads, keyBytes, longest, speculate, most, spareBytes, promptBytes);
  }

  /// Bytes of KV cache and step workspace together.
  public long bytes(CausalLm model) {
    return keyBytes + stepBytes(model);
  }

  /// Bytes of the workspace of steps, without adapters.
  public long stepBytes(CausalLm model) {
    return roomBytes(model, threads, longest);
  }

  /// Bytes of weights, workspace and KV cache that one sequence needs.
  ///
  /// @param held bytes of the weights
  /// @param positions maximum length of the sequence
  /// @param share one in so many parts of the KV cache memory goes to something else
  public long least(CausalLm model, long held, int positions, int share) {
    long keys = sequenceBytes(model, positions);
    return held + roomBytes(model, threads, longest) + Math.ceilDiv(keys * share, share - 1);
  }

  /// Bytes of the KV cache and the states of a sequence of up to `positions` tokens.
  public static long sequenceBytes(CausalLm model, int positions) {
    return model.keyValueBytes(blocks(positions) * BLOCK) + model.sequenceStateBytes();
  }

  private static long roomBytes(CausalLm model, int threads, int longest) {
    return StepWorkspace.bytes(model, threads, StepWorkspace.read(model, longest), longest);
  }

  /// Tokens that the KV cache memory can hold.
  public long positions(CausalLm model) {
    return (long) blocks(model) * BLOCK;
  }

  /// Blocks that the memory of keys has room for.
  int blocks(CausalLm model) {
    return blocks(keyBytes, model);
  }

  /// Blocks that so many bytes have room for.
  static int blocks(long bytes, CausalLm model) {
    return (int)
        Math.min(Integer.MAX_VALUE / BLOCK, Math.max(0, bytes) / model.keyValueBytes(BLOCK));
  }

  static int blocks(int positions) {
    return Math.ceilDiv(positions, BLOCK);
  }
}
