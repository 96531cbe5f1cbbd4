package dev.nudge.model;

import dev.nudge.model.LayerConfig.Turning;
import dev.nudge.nn.Rotary;
import dev.nudge.tensor.Dtype;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/// The rotary tables (cosines and sines) of a model: one for each RoPE among its layers.
final class Ropes implements AutoCloseable {
  private final Dtype compute;
  private final Map<Turning, Rotary> all = new HashMap<>();
  private int positions;

  Ropes(Dtype compute) {
    this.compute = compute;
  }

  Rotary of(Turning turning) {
    return all.computeIfAbsent(
        turning,
        key -> {
          Rotary made = new Rotary(key.rope().turns(key.width()), compute);
          made.reserve(positions);
          return made;
        });
  }

  /// Extends all tables to `wanted` positions, also the tables of layers that are added later.
  void reserve(int wanted) {
    positions = Math.max(positions, wanted);
    all.values().forEach(rotary -> rotary.reserve(wanted));
  }

  /// Bytes of a model's rotary tables for `positions` positions.
  static long bytes(ModelConfig config, int positions, Dtype compute) {
    return config.layers().stream()
        .map(LayerConfig::turning)
        .filter(Objects::nonNull)
        .distinct()
        .mapToLong(t -> Rotary.bytes(t.rope().turns(t.width()), positions, compute))
        .sum();
  }

  @Override
  public void close() {
    all.values().forEach(Rotary::close);
  }
}
