package dev.nudge.nn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/// Keeps the keys and values of one sequence for every layer, so that a new token costs one row.
///
/// Threading: confined to the thread that decodes.
public final class KvCache implements AutoCloseable {
  private final Scope scope = Scope.open("kv cache");
  private final List<Tensor> keys = new ArrayList<>();
  private final List<Tensor> values = new ArrayList<>();
  private final int capacity;
  private int length;

  /// Reserves `capacity` positions of `width` numbers (key-value heads × head dimension) a layer.
  public KvCache(int layers, int capacity, int width, Dtype compute) {
    this.capacity = capacity;
    for (int i = 0; i < layers; i++) {
      keys.add(scope.tensor(compute, capacity, width));
      values.add(scope.tensor(compute, capacity, width));
    }
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

  @Override
  public void close() {
    scope.close();
  }
}
