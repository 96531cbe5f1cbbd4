package dev.nudge.nn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/// Holds the keys and values of many sequences in blocks, which are handed out as sequences grow.
///
/// A block has the same number of positions of every layer. A sequence's [KvCache] lists its
/// blocks; a full block may be in the lists of several, and is free again when none has it. All
/// memory is taken when the pool opens.
///
/// Threading: confined to one thread, with all its caches.
public final class KvPool implements AutoCloseable {
  private final Scope scope;
  private final List<Tensor> keys = new ArrayList<>(); // a layer's: (blocks · blockSize, width)
  private final List<Tensor> values = new ArrayList<>();
  private final int blockSize;
  private final int[] users; // lists that each block is in
  private final int[] free; // a stack
  private int freeCount;

  private KvPool(Scope scope, int layers, int blocks, int blockSize, int width, Dtype compute) {
    this.scope = scope;
    this.blockSize = blockSize;
    this.users = new int[blocks];
    this.free = new int[blocks];
    for (int i = 0; i < layers; i++) {
      keys.add(scope.tensor(compute, (long) blocks * blockSize, width));
      values.add(scope.tensor(compute, (long) blocks * blockSize, width));
    }
    for (int block = blocks - 1; block >= 0; block--) {
      free[freeCount++] = block;
    }
  }

  /// Reserves blocks.
  ///
  /// @param blockSize positions of a block
  /// @param width numbers of a position in one layer (key-value heads × head dimension)
  public static KvPool open(int layers, int blocks, int blockSize, int width, Dtype compute) {
    return new KvPool(Scope.open("kv cache"), layers, blocks, blockSize, width, compute);
  }

  /// A pool without memory, for dry runs.
  public static KvPool dry(int layers, int blocks, int blockSize, int width, Dtype compute) {
    return new KvPool(Scope.measuring(), layers, blocks, blockSize, width, compute);
  }

  /// Says that a sequence wants more blocks than are free. Nothing was taken.
  public static final class Exhausted extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    Exhausted(int wanted, KvPool pool) {
      super(
          "a sequence wants %d more of the pool's blocks of %d positions, of which %d of %d are free"
                  .formatted(wanted, pool.blockSize, pool.freeCount, pool.users.length)
              + "; close or clear another sequence, or open a larger pool");
    }
  }

  /// An empty cache for a sequence; it takes blocks as it grows.
  public KvCache cache() {
    return new KvCache(this, false);
  }

  /// Positions of a block.
  public int blockSize() {
    return blockSize;
  }

  /// Blocks that no sequence has.
  public int free() {
    return freeCount;
  }

  /// Adds `count` free blocks to a list, or none where there are fewer.
  void take(int count, List<Integer> blocks) {
    if (count > freeCount) {
      throw new Exhausted(count, this);
    }
    for (int i = 0; i < count; i++) {
      int block = free[--freeCount];
      users[block] = 1;
      blocks.add(block);
    }
  }

  /// Puts blocks into one more list.
  void share(List<Integer> blocks) {
    blocks.forEach(block -> users[block]++);
  }

  /// Takes blocks out of a list, the last first, so that they are handed out in their order again.
  void release(List<Integer> blocks) {
    for (int block : blocks.reversed()) {
      if (--users[block] == 0) {
        free[freeCount++] = block;
      }
    }
    blocks.clear();
  }

  /// The keys of some blocks in a layer, (blockSize, width) each.
  List<Tensor> keys(int layer, List<Integer> blocks) {
    return views(keys.get(layer), blocks);
  }

  /// The values of some blocks in a layer, like their keys.
  List<Tensor> values(int layer, List<Integer> blocks) {
    return views(values.get(layer), blocks);
  }

  private List<Tensor> views(Tensor all, List<Integer> blocks) {
    return blocks.stream()
        .map(block -> all.rows(block * blockSize, (block + 1) * blockSize))
        .toList();
  }

  /// Frees the memory; no cache of the pool is used afterwards.
  @Override
  public void close() {
    scope.close();
  }
}
