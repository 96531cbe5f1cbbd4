package dev.nudge.kernel;

import java.util.stream.IntStream;

/// Splits the queries of a sequence into the blocks that [CausalAttention] computes one by one.
///
/// A block has [#BLOCK] queries, or [#LONG_BLOCK] if it sees more than [#LONG] keys. A dry run
/// skips blocks: among equal sizes the last needs most memory.
///
/// @param past keys before the first query
/// @param m queries
record QueryBlocks(Attend.Shape h, int past, int m) {
  private static final int BLOCK = 64;
  private static final int LONG_BLOCK = 32;
  private static final int LONG = 2048;

  /// Returns the end, at most `tokens`, of the block of queries that needs most scratch.
  static int fullest(Attend.Shape h, int tokens) {
    long widest = h.window() == 0 ? tokens : Math.min(tokens, h.window() + LONG_BLOCK - 1L);
    return LONG_BLOCK * widest > BLOCK * (long) LONG ? tokens : Math.min(tokens, LONG);
  }

  /// End of the block that starts at query `from`.
  int end(int from) {
    int start = past + from;
    return Math.min(m, from + (start + BLOCK - h.first(start) > LONG ? LONG_BLOCK : BLOCK));
  }

  /// Start of the block that ends at `end`, with blocks counted as the forward pass counts.
  int start(int end) {
    int split = shortEnd();
    return end <= split
        ? (end - 1) / BLOCK * BLOCK
        : split + (end - split - 1) / LONG_BLOCK * LONG_BLOCK;
  }

  /// Ends of all blocks.
  int[] ends() {
    return m == 0
        ? new int[0]
        : IntStream.iterate(end(0), to -> to <= m, to -> to < m ? end(to) : m + 1).toArray();
  }

  /// End of the block that a backward pass computes before one that starts at `from`.
  int before(int from, boolean dry) {
    if (!dry || from > lastWhole(from)) {
      return from;
    }
    return from >= shortEnd() ? shortEnd() : 0;
  }

  /// Number of (query, key) pairs in the products of all blocks.
  double pairs() {
    double pairs = 0;
    for (int from = 0, to; from < m; from = to) {
      to = end(from);
      pairs += (to - from) * (double) (past + to - h.first(past + from));
    }
    return pairs;
  }

  /// Returns the query where [#LONG_BLOCK] replaces [#BLOCK].
  private int shortEnd() {
    boolean always = h.window() > 0 && h.window() + BLOCK - 1 <= LONG;
    return always ? Integer.MAX_VALUE / BLOCK * BLOCK : Math.max(0, LONG - past) / BLOCK * BLOCK;
  }

  /// Start of the last whole block of the block size at query `at`.
  private int lastWhole(int at) {
    int split = shortEnd();
    return at < split
        ? (Math.min(split, m) / BLOCK - 1) * BLOCK
        : split + ((m - split) / LONG_BLOCK - 1) * LONG_BLOCK;
  }
}
