package dev.nudge.engine;

import dev.nudge.model.CausalLm;
import org.jspecify.annotations.Nullable;

/// What an engine may take.
///
/// @param threads processor threads
/// @param keyBytes memory of keys and values of all sequences together, in bytes
/// @param longest positions of the longest sequence that it is asked for
/// @param speculate whether tokens are guessed from what a sequence has said before
/// @param sequences that run side by side, at most [#ROWS]
/// @param spareBytes memory that rows to score and texts to embed may take before they take that of
///     keys, in bytes
public record Limits(
    int threads, long keyBytes, int longest, boolean speculate, int sequences, long spareBytes) {
  /// Positions of a block of keys.
  public static final int BLOCK = 64;

  /// Tokens of prompts that a step reads at most.
  static final int READ = 512;

  /// Rows of a step that decodes, guesses among them; so many sequences run at most.
  public static final int ROWS = 32;

  /// As many sequences as there is room for.
  public Limits(int threads, long keyBytes, int longest, boolean speculate) {
    this(threads, keyBytes, longest, speculate, ROWS, 0);
  }

  public Limits {
    sequences = Math.min(sequences, ROWS);
  }

  /// What an engine of a loaded model may take.
  ///
  /// @param memory bytes of weights, workspace and keys together; null: of what was free before
  ///     the weights were loaded, half of the rest is for keys, and the other half spare
  /// @param free bytes that were free then
  /// @param held bytes of the weights
  /// @param longest positions of the longest sequence
  public static Limits of(
      CausalLm model, int threads, @Nullable Long memory, long free, long held, int longest) {
    long keys =
        memory == null
            ? Math.max(0, free - held) / 2
            : Math.max(0, memory - held - roomBytes(model, longest));
    return new Limits(threads, keys, longest, true, ROWS, memory == null ? keys : 0);
  }

  /// What an engine needs that has so many sequences side by side.
  ///
  /// @param longest positions of the longest sequence
  public static Limits of(CausalLm model, int threads, int sequences, int longest) {
    long keys = (long) sequences * model.keyValueBytes(blocks(longest) * BLOCK);
    return new Limits(threads, keys, longest, true);
  }

  /// The same with other memory for keys.
  public Limits withKeyBytes(long bytes) {
    return new Limits(threads, bytes, longest, speculate, sequences, spareBytes);
  }

  /// The same with other sequences side by side.
  public Limits withSequences(int most) {
    return new Limits(threads, keyBytes, longest, speculate, most, spareBytes);
  }

  /// Bytes of keys and workspace together.
  public long bytes(CausalLm model) {
    return keyBytes + stepBytes(model);
  }

  /// Bytes of the workspace of steps, without adapters.
  public long stepBytes(CausalLm model) {
    return roomBytes(model, longest);
  }

  /// Bytes of weights, workspace and keys with which one sequence has room.
  ///
  /// @param held bytes of the weights
  /// @param positions that the sequence may grow to
  /// @param share of the memory of keys that goes to something else: one in so many parts
  public long least(CausalLm model, long held, int positions, int share) {
    long keys = model.keyValueBytes(blocks(positions) * BLOCK);
    return held + roomBytes(model, longest) + Math.ceilDiv(keys * share, share - 1);
  }

  private static long roomBytes(CausalLm model, int longest) {
    return StepWorkspace.bytes(model, StepWorkspace.read(model, longest), longest);
  }

  /// Positions that the memory of keys has room for.
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
