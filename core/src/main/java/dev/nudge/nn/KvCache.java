package dev.nudge.nn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Keeps the keys and values of one sequence for every layer, so that a new token costs one row.
///
/// Threading: confined to the thread that decodes.
public final class KvCache implements AutoCloseable {
  private final @Nullable Scope scope; // null: dry
  private final List<Tensor> keys = new ArrayList<>();
  private final List<Tensor> values = new ArrayList<>();
  private final int capacity;
  private int length;

  private KvCache(@Nullable Scope scope, int capacity) {
    this.scope = scope;
    this.capacity = capacity;
  }

  /// Reserves `capacity` positions of `width` numbers (key-value heads × head dimension) a layer.
  public static KvCache of(int layers, int capacity, int width, Dtype compute) {
    Scope scope = Scope.open("kv cache");
    KvCache cache = new KvCache(scope, capacity);
    for (int i = 0; i < layers; i++) {
      cache.keys.add(scope.tensor(compute, capacity, width));
      cache.values.add(scope.tensor(compute, capacity, width));
    }
    return cache;
  }

  /// Bytes of a cache of `capacity` positions.
  public static long bytes(int layers, int capacity, int width, Dtype compute) {
    return 2L * layers * capacity * width * compute.bytes();
  }

  /// A cache without memory that stands at `length`, for dry runs.
  public static KvCache dry(int layers, int capacity, int length, int width, Dtype compute) {
    KvCache cache = new KvCache(null, capacity);
    for (int i = 0; i < layers; i++) {
      cache.keys.add(Tensor.dry(compute, capacity, width));
      cache.values.add(Tensor.dry(compute, capacity, width));
    }
    cache.length = length;
    return cache;
  }

  /// Positions filled.
  public int length() {
    return length;
  }

  public int capacity() {
    return capacity;
  }

  /// Keys of a layer, (capacity, width).
  public Tensor keys(int layer) {
    return keys.get(layer);
  }

  /// Values of a layer, (capacity, width).
  public Tensor values(int layer) {
    return values.get(layer);
  }

  /// Counts positions that every layer has written.
  public void advance(int tokens) {
    if (length + tokens > capacity) {
      throw new IllegalStateException(
          "cache holds " + capacity + " positions, wants " + (length + tokens));
    }
    length += tokens;
  }

  /// Forgets all positions.
  public void clear() {
    length = 0;
  }

  @Override
  public void close() {
    if (scope != null) {
      scope.close();
    }
  }
}
