package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.KeyValues;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The KV cache of one sequence for every layer: a list of blocks of a [KvPool] (paged attention),
/// and the states of its recurrent layers.
///
/// A state is overwritten by each pass, so it cannot be cut: [#cut] goes back to the snapshot that
/// was taken at the end of the prompt's last full block, or to the beginning.
///
/// To feed tokens: [#reserve] blocks for them, let every layer [#append] their keys and values,
/// then [#advance].
///
/// Threading: confined to the thread that decodes, as its pool.
public final class KvCache implements AutoCloseable {
  private final KvPool pool;
  private final List<Integer> blocks = new ArrayList<>();
  private int length;
  private KvPool.@Nullable State now; // after `length` tokens
  private @Nullable Snapshot snapshot;
  private @Nullable Snapshot next; // that the current pass takes
  private int snapshotsUpTo; // positions

  /// States after `length` tokens, at the end of a block.
  public record Snapshot(int length, KvPool.State state) {}

  KvCache(KvPool pool) {
    this.pool = pool;
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

  /// Starts with the states behind a shared prefix; they are copied before a pass changes them.
  void begin(Snapshot of) {
    pool.share(of.state);
    snapshot = of;
    own().set(of.state);
  }

  private KvPool.State own() {
    if (now == null) {
      now = pool.takeState();
    }
    return now;
  }

  /// Takes snapshots at ends of blocks within the first `positions`.
  public void snapshotsUpTo(int positions) {
    snapshotsUpTo = positions;
  }

  public int snapshotsUpTo() {
    return snapshotsUpTo;
  }

  /// The states at the end of the prompt's last full block; null: there are none.
  public @Nullable Snapshot snapshot() {
    return snapshot;
  }

  /// The state of a recurrent layer after [#length] tokens, which a pass overwrites.
  ///
  /// @param layer index among the recurrent layers
  public List<Tensor> state(int layer) {
    return own().layers.get(layer);
  }

  /// The length after which the current pass takes a snapshot; -1: it takes none.
  public int snapshotAt() {
    return next == null ? -1 : next.length;
  }

  /// The memory for a recurrent layer's part of the snapshot.
  public List<Tensor> snapshot(int layer) {
    return Objects.requireNonNull(next, "no snapshot is taken").state.layers.get(layer);
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
    drop(next);
    int at = Math.min(length + tokens, snapshotsUpTo) / pool.blockSize() * pool.blockSize();
    next = pool.keepsStates() && at > length ? new Snapshot(at, pool.takeState()) : null;
  }

  private void drop(@Nullable Snapshot of) {
    if (of != null) {
      pool.release(of.state);
    }
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
    if (next != null) {
      drop(snapshot);
      snapshot = next;
      next = null;
    }
  }

  /// Truncates the cache to `tokens` positions and frees the blocks after them; with states to the
  /// snapshot before them, or to none.
  public void cut(int tokens) {
    if (tokens < length && pool.keepsStates()) {
      if (snapshot == null || snapshot.length > tokens) {
        clear();
        return;
      }
      length = snapshot.length;
      own().set(snapshot.state);
    }
    length = Math.min(length, tokens);
    pool.release(blocks.subList(blocks(length), blocks.size()));
  }

  /// Empties the cache and frees its blocks and states.
  public void clear() {
    pool.release(blocks);
    length = 0;
    drop(next);
    drop(snapshot);
    next = null;
    snapshot = null;
    if (now != null) {
      pool.release(now);
      now = null;
    }
  }

  @Override
  public void close() {
    clear();
  }
}
