package dev.nudge.generate;

import dev.nudge.engine.Load;

/// Metrics of a serving session.
///
/// @param running answers that were admitted and decode
/// @param waiting answers that are queued
/// @param keyBlocksUsed KV cache blocks in use
/// @param keyBlocks most KV cache blocks
/// @param blockTokens tokens of a KV cache block
/// @param prefixQueries prompt tokens looked up in the prefix cache
/// @param prefixHits prompt tokens found in the prefix cache
/// @param promptTokens tokens of all prompts
/// @param generationTokens tokens of all answers
/// @param adapterBytes bytes of the loaded adapters
/// @param adapters number of loaded adapters
public record Stats(
    int running,
    int waiting,
    int keyBlocksUsed,
    int keyBlocks,
    int blockTokens,
    long prefixQueries,
    long prefixHits,
    long promptTokens,
    long generationTokens,
    long adapterBytes,
    int adapters) {
  static Stats of(Load load, int blockTokens, AdapterCache cache) {
    return new Stats(
        load.running(),
        load.waiting(),
        load.keyBlocksUsed(),
        load.keyBlocks(),
        blockTokens,
        load.promptTokens(),
        load.cachedTokens(),
        load.promptTokens(),
        load.saidTokens(),
        cache.bytes(),
        cache.loaded().size());
  }
}
