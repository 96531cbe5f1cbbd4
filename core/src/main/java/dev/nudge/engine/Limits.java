package dev.nudge.engine;

import dev.nudge.model.CausalLm;

/// What an engine may take.
///
/// @param threads processor threads
/// @param keyBytes memory of keys and values of all sequences together, in bytes
/// @param speculate whether tokens are guessed from what a sequence has said before
public record Limits(int threads, long keyBytes, boolean speculate) {
  /// Positions of a block of keys.
  public static final int BLOCK = 64;

  /// Tokens of prompts that a step reads at most.
  static final int READ = 512;

  /// Rows of a step that decodes, guesses among them.
  static final int ROWS = 32;

  /// Bytes of keys and values of a position.
  static long bytesOf(CausalLm model) {
    return model.keyValueBytes(1);
  }

  /// Blocks that the memory of keys has room for.
  int blocks(CausalLm model) {
    return (int) Math.min(Integer.MAX_VALUE / BLOCK, keyBytes / (bytesOf(model) * BLOCK));
  }

  static int blocks(int positions) {
    return Math.ceilDiv(positions, BLOCK);
  }
}
