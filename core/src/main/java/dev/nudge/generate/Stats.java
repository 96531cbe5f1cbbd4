package dev.nudge.generate;

import dev.nudge.engine.Load;

/// What a session that serves has to do, and what it has done.
///
/// @param running answers that have room
/// @param waiting answers that have none yet
/// @param keyBlocksUsed blocks of keys that answers have
/// @param keyBlocks blocks of keys that there may be
/// @param blockTokens tokens of a block
/// @param prefixQueries tokens of prompts that were looked up among the keys that were kept
/// @param prefixHits those of them that were there
/// @param promptTokens tokens of all prompts
/// @param generationTokens tokens of all answers
/// @param adapterBytes bytes of the adapters that are loaded
/// @param adapters how many are loaded
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
