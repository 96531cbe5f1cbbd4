package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.KeyValues;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/// Keeps the keys and values of one sequence for every layer, so that a new token costs one row.
///
/// It is a list of blocks of a [KvPool]. To feed tokens: [#reserve] their room, let every layer
/// [#append] them, then [#advance].
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

  /// A cache of one block of its own: `capacity` positions of `width` numbers (key-value heads ×
  /// head dimension) a layer.
  public static KvCache of(int layers, int capacity, int width, Dtype compute) {
    return new KvCache(KvPool.open(layers, 1, capacity, width, compute), true);
  }

  /// The numbers of the full blocks within the first `tokens` positions, in order; others may share
  /// them, see [KvPool#cache(List)].
  public List<Integer> full(int tokens) {
    return List.copyOf(blocks.subList(0, Math.min(tokens, length) / pool.blockSize()));
  }

  /// Starts with blocks that others have too.
  void begin(List<Integer> full) {
    blocks.addAll(full);
    length = full.size() * pool.blockSize();
    pool.share(blocks);
  }

  /// Positions filled.
  public int length() {
    return length;
  }

  /// Takes the blocks that the next `tokens` positions need.
  ///
  /// @throws KvPool.Exhausted where the pool has fewer; nothing is taken then
  public void reserve(int tokens) {
    pool.take(Math.max(0, blocks(length + tokens) - blocks.size()), blocks);
  }

  private int blocks(int positions) {
    return Math.ceilDiv(positions, pool.blockSize());
  }

  /// Writes keys and values of new tokens behind those of a layer, into the blocks they belong to.
  ///
  /// @param k (new tokens, width)
  /// @param v like k
  /// @return all of the layer's, the new ones among them
  KeyValues append(int layer, Tensor k, Tensor v, Kernels kernels) {
    int end = length + k.rows();
    List<Integer> used = blocks.subList(0, blocks(end));
    KeyValues all = new KeyValues(pool.keys(layer, used), pool.values(layer, used), end);
    for (KeyValues.Piece p : all.pieces(length, end)) {
      kernels.elementwise().copy(k.rows(p.from() - length, p.to() - length), p.keys());
      kernels.elementwise().copy(v.rows(p.from() - length, p.to() - length), p.values());
    }
    return all;
  }

  /// Counts positions that every layer has appended.
  public void advance(int tokens) {
    length += tokens;
  }

  /// Forgets the positions from `tokens` on and gives back the blocks that hold none of the rest.
  public void cut(int tokens) {
    length = Math.min(length, tokens);
    pool.release(blocks.subList(blocks(length), blocks.size()));
  }

  /// Forgets all positions and gives the blocks back.
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
