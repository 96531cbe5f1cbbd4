package dev.nudge.engine;

/// What an engine has to do, and what it has done since it started.
///
/// @param running sequences that have room and are read or answer
/// @param waiting sequences that have none yet
/// @param keyBlocksUsed blocks of keys that sequences have
/// @param keyBlocksHeld blocks of keys for which memory was taken
/// @param keyBlocks blocks of keys that there may be
/// @param promptTokens of all prompts that were read, those whose keys were there among them
/// @param cachedTokens of them those whose keys were there
/// @param saidTokens that were chosen
public record Load(
    int running,
    int waiting,
    int keyBlocksUsed,
    int keyBlocksHeld,
    int keyBlocks,
    long promptTokens,
    long cachedTokens,
    long saidTokens) {
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
        saidTokens);
  }
}
