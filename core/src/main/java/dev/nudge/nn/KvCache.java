package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.KeyValues;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/// The KV cache of one sequence for every layer: a list of blocks of a [KvPool] (paged attention).
///
/// To feed tokens: [#reserve] blocks for them, let every layer [#append] their keys and values,
/// then [#advance].
///
/// Threading: confined to the thread that decodes, as its pool.
public final class KvCache implements AutoCloseable {
  private final KvPool pool;
  private final boolean alone; // the pool is its own
  private final List<Integer> blocks = new ArrayList<>();
  private int length;

  KvCache(KvPool pool, boolean alone) {
    this.pool = pool;
    this.alone = alone;
  }

  /// A cache with a pool of its own: one block of `capacity` positions of `width` numbers
  /// (key-value heads × head dimension) a layer.
  public static KvCache of(int layers, int capacity, int width, Dtype compute) {
    return new KvCache(KvPool.open(layers, 1, capacity, width, compute), true);
  }

  /// The ids of the full blocks within the first `tokens` positions, in order; other caches may
  /// share them, see [KvPool#cache(List)].
  public List<Integer> full(int tokens) {
    return List.copyOf(blocks.subList(0, Math.min(tokens, length) / pool.blockSize()));
  }

  /// Starts with full blocks of other caches (a shared prefix).
  void begin(List<Integer> full) {
    blocks.addAll(full);
    length = full.size() * pool.blockSize();
    pool.share(blocks);
  }

  /// Number of positions in the cache.
  public int length() {
    return length;
  }

  /// Allocates the blocks for the next `tokens` positions.
  ///
  /// @throws KvPool.Exhausted if the pool has too few; nothing is allocated then
  public void reserve(int tokens) {
    pool.take(Math.max(0, blocks(length + tokens) - blocks.size()), blocks);
  }

  private int blocks(int positions) {
    return Math.ceilDiv(positions, pool.blockSize());
  }

  /// Writes keys and values of new tokens into a layer's blocks.
  ///
  /// @param k (new tokens, width)
  /// @param v like k
  /// @return all keys and values of the layer, the new ones included
  public KeyValues append(int layer, Tensor k, Tensor v, Kernels kernels) {
    int end = length + k.rows();
    List<Integer> used = blocks.subList(0, blocks(end));
    KeyValues all = new KeyValues(pool.keys(layer, used), pool.values(layer, used), end);
    for (KeyValues.Piece p : all.pieces(length, end)) {
      kernels.elementwise().copy(k.rows(p.from() - length, p.to() - length), p.keys());
      kernels.elementwise().copy(v.rows(p.from() - length, p.to() - length), p.values());
    }
    return all;
  }

  /// Advances the length by positions that every layer has appended.
  public void advance(int tokens) {
    length += tokens;
  }

  /// Truncates the cache to `tokens` positions and frees the blocks after them.
  public void cut(int tokens) {
    length = Math.min(length, tokens);
    pool.release(blocks.subList(blocks(length), blocks.size()));
  }

  /// Empties the cache and frees its blocks.
  public void clear() {
    pool.release(blocks);
    length = 0;
  }

  @Override
  public void close() {
    clear();
    if (alone) {
      pool.close();
    }
  }
}
