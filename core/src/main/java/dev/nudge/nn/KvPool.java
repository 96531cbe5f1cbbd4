package dev.nudge.nn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// Allocates blocks of a paged KV cache to sequences as they grow.
///
/// A block holds equally many positions of every layer. A sequence's [KvCache] lists its blocks.
/// Blocks are reference-counted: several caches may share a full block (prefix cache), and a block
/// is free when no cache uses it and the prefix cache does not keep it. The pool allocates memory
/// as blocks are needed, up to its limit.
///
/// Threading: confined to one thread, with all its caches.
public final class KvPool implements AutoCloseable {
  /// One tensor of the state that a recurrent layer keeps of a sequence.
  ///
  /// @param layer index among the recurrent layers
  public record StateShape(int layer, Dtype dtype, int rows, int cols) {
    public long bytes() {
      return (long) dtype.bytes() * rows * cols;
    }
  }

  /// The states of all recurrent layers after some tokens of a sequence. The pool reuses an unused
  /// state's memory.
  public static final class State {
    final List<List<Tensor>> layers = new ArrayList<>();
    private int users;

    void set(State other) {
      for (int layer = 0; layer < layers.size(); layer++) {
        for (int i = 0; i < layers.get(layer).size(); i++) {
          layers.get(layer).get(i).data().copyFrom(other.layers.get(layer).get(i).data());
        }
      }
    }
  }

  private final Scope scope;
  private final List<StateShape> shapes;
  private final List<State> spare = new ArrayList<>();
  private int states; // allocated
  private final List<Tensor[]> keys = new ArrayList<>(); // a layer's blocks: (blockSize, width)
  private final List<Tensor[]> values = new ArrayList<>();
  private final int blockSize;
  private final int width;
  private final Dtype compute;
  private int most; // blocks
  private int[] users = new int[0]; // references to a block
  private boolean[] kept = new boolean[0]; // whether #keep has one
  private int idle; // blocks that are only pinned
  private IntConsumer reclaim = blocks -> {};
  private int[] free = new int[0]; // a stack
  private int freeCount;

  private KvPool(
      Scope scope,
      int layers,
      int blocks,
      int most,
      int blockSize,
      int width,
      Dtype compute,
      List<StateShape> shapes) {
    this.scope = scope;
    this.shapes = List.copyOf(shapes);
    this.blockSize = blockSize;
    this.width = width;
    this.compute = compute;
    this.most = most;
    for (int i = 0; i < layers; i++) {
      keys.add(new Tensor[0]);
      values.add(new Tensor[0]);
    }
    grow(blocks);
  }

  /// Allocates memory for `blocks` more blocks.
  private void grow(int blocks) {
    int before = users.length;
    int all = before + blocks;
    for (List<Tensor[]> kind : List.of(keys, values)) {
      kind.replaceAll(
          old -> {
            Tensor more = scope.tensor(compute, (long) blocks * blockSize, width);
            Tensor[] cut = Arrays.copyOf(old, all);
            for (int i = 0; i < blocks; i++) {
              cut[before + i] = more.rows(i * blockSize, (i + 1) * blockSize);
            }
            return cut;
          });
    }
    users = Arrays.copyOf(users, all);
    kept = Arrays.copyOf(kept, all);
    free = Arrays.copyOf(free, all);
    for (int block = all - 1; block >= before; block--) {
      free[freeCount++] = block;
    }
  }

  /// Opens a pool and allocates all blocks.
  ///
  /// @param blockSize positions of a block
  /// @param width numbers of a position in one layer (key-value heads × head dimension)
  /// @param states of a sequence's recurrent layers
  public static KvPool open(
      int layers, int blocks, int blockSize, int width, Dtype compute, List<StateShape> states) {
    Scope scope = Scope.open("kv cache");
    return new KvPool(scope, layers, blocks, blocks, blockSize, width, compute, states);
  }

  /// Opens a pool that allocates memory as sequences grow.
  ///
  /// @param most limit of the number of blocks
  public static KvPool growing(
      int layers, int most, int blockSize, int width, Dtype compute, List<StateShape> states) {
    Scope scope = Scope.open("kv cache");
    return new KvPool(scope, layers, 0, most, blockSize, width, compute, states);
  }

  /// Opens a dry pool, without memory.
  public static KvPool dry(
      int layers, int blocks, int blockSize, int width, Dtype compute, List<StateShape> states) {
    Scope scope = Scope.measuring();
    return new KvPool(scope, layers, blocks, blocks, blockSize, width, compute, states);
  }

  /// Thrown when a sequence needs more blocks than are free; nothing was allocated.
  public static final class Exhausted extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    Exhausted(int wanted, KvPool pool) {
      super(
          "too little KV cache: a sequence needs %d more of its blocks of %d positions, %d of %d are free"
                  .formatted(wanted, pool.blockSize, pool.free(), pool.most)
              + "; close or clear another sequence, or open a larger pool");
    }
  }

  /// Returns an empty cache, which allocates blocks as it grows.
  public KvCache cache() {
    return new KvCache(this);
  }

  /// Returns a cache that starts with a prefix of shared full blocks and appends own blocks.
  public KvCache cache(List<Integer> full) {
    KvCache cache = cache();
    cache.begin(full);
    return cache;
  }

  /// Returns a cache that starts with shared full blocks and states.
  public KvCache cache(List<Integer> full, KvCache.@Nullable Snapshot states) {
    KvCache cache = cache(full);
    if (states != null) {
      cache.begin(states);
    }
    return cache;
  }

  /// Pins a full block that a cache uses, so that it is not freed with its last cache.
  ///
  /// @throws IllegalStateException if it is pinned already
  public void keep(int block) {
    if (kept[block]) {
      throw new IllegalStateException("block " + block + " is pinned already");
    }
    kept[block] = true;
    users[block]++;
  }

  /// Unpins a block; frees it if no cache uses it.
  public void letGo(int block) {
    idle -= isIdle(block) ? 1 : 0;
    kept[block] = false;
    if (--users[block] == 0) {
      free[freeCount++] = block;
    }
  }

  /// Returns whether a block is pinned and unused.
  public boolean isIdle(int block) {
    return kept[block] && users[block] == 1;
  }

  /// Returns whether sequences keep states too.
  boolean keepsStates() {
    return !shapes.isEmpty();
  }

  /// Returns zeros with one user.
  State takeState() {
    State state = spare.isEmpty() ? new State() : spare.removeLast();
    if (state.layers.isEmpty()) {
      states++;
      for (StateShape shape : shapes) {
        if (shape.layer() == state.layers.size()) {
          state.layers.add(new ArrayList<>());
        }
        state
            .layers
            .get(shape.layer())
            .add(scope.tensor(shape.dtype(), shape.rows(), shape.cols()));
      }
    }
    if (!scope.dry()) {
      state.layers.forEach(layer -> layer.forEach(Tensor::zero));
    }
    state.users = 1;
    return state;
  }

  /// Counts one more user of states.
  public void share(State state) {
    state.users++;
  }

  /// Counts one user less of states.
  public void release(State state) {
    if (--state.users == 0) {
      spare.add(state);
    }
  }

  /// Bytes of all allocated states.
  public long stateBytes() {
    return states * shapes.stream().mapToLong(StateShape::bytes).sum();
  }

  /// Number of blocks that are pinned and that no cache uses.
  public int idle() {
    return idle;
  }

  /// Sets the callback that evicts pinned blocks, called with the number of missing blocks before
  /// memory is allocated or [Exhausted] is thrown.
  public void reclaim(IntConsumer from) {
    reclaim = from;
  }

  /// Changes the limit of the number of blocks.
  ///
  /// @throws IllegalArgumentException if more blocks are allocated
  public void limit(int blocks) {
    if (blocks < users.length) {
      throw new IllegalArgumentException(
          "%d blocks, and memory was taken for %d".formatted(blocks, users.length));
    }
    most = blocks;
  }

  /// Number of blocks that caches use.
  public int used() {
    return users.length - freeCount - idle;
  }

  /// Positions of a block.
  public int blockSize() {
    return blockSize;
  }

  /// Number of free blocks, unallocated ones included.
  public int free() {
    return freeCount + most - users.length;
  }

  /// Number of blocks that may still be allocated.
  public int unheld() {
    return most - users.length;
  }

  /// Number of allocated blocks.
  public int held() {
    return users.length;
  }

  /// Adds `count` free blocks to a list; throws if there are fewer.
  void take(int count, List<Integer> blocks) {
    if (count > freeCount) {
      reclaim.accept(count - freeCount);
    }
    if (count > free()) {
      throw new Exhausted(count, this);
    }
    if (count > freeCount) {
      grow(Math.clamp(users.length, count - freeCount, most - users.length)); // or twice as many
    }
    for (int i = 0; i < count; i++) {
      int block = free[--freeCount];
      users[block] = 1;
      blocks.add(block);
    }
  }

  /// Counts one more user of each block.
  void share(List<Integer> blocks) {
    for (int block : blocks) {
      idle -= isIdle(block) ? 1 : 0;
      users[block]++;
    }
  }

  /// Counts one user less of each block, the last block first, so that they are reused in order.
  void release(List<Integer> blocks) {
    for (int block : blocks.reversed()) {
      if (--users[block] == 0) {
        free[freeCount++] = block;
      }
      idle += isIdle(block) ? 1 : 0;
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

  private static List<Tensor> views(Tensor[] all, List<Integer> blocks) {
    Tensor[] views = new Tensor[blocks.size()];
    for (int i = 0; i < views.length; i++) {
      views[i] = all[blocks.get(i)];
    }
    return List.of(views);
  }

  /// Frees the memory; no cache of the pool is used afterwards.
  @Override
  public void close() {
    scope.close();
  }
}
