package dev.nudge.engine;

/// Counters of an engine: what runs and waits now, and what was done since its start.
///
/// @param running sequences that were admitted and prefill or decode
/// @param waiting sequences that were not admitted yet
/// @param keyBlocksUsed KV cache blocks that sequences use
/// @param keyBlocksHeld KV cache blocks that are allocated
/// @param keyBlocks most KV cache blocks that there may be
/// @param promptTokens tokens of all prompts that were prefilled or found in the prefix cache
/// @param cachedTokens tokens of prompts that were found in the prefix cache
/// @param generationTokens tokens that were generated
public record Load(
    int running,
    int waiting,
    int keyBlocksUsed,
    int keyBlocksHeld,
    int keyBlocks,
    long promptTokens,
    long cachedTokens,
    long generationTokens) {
  static final Load NONE = new Load(0, 0, 0, 0, 0, 0, 0, 0);

  Load with(int running, int waiting) {
    return new Load(
        running,
        waiting,
        keyBlocksUsed,
        keyBlocksHeld,
        keyBlocks,
        promptTokens,
        cachedTokens,
        generationTokens);
  }
}
