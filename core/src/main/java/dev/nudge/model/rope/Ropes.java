package dev.nudge.model.rope;

import dev.nudge.nn.layer.Rotary;
import dev.nudge.tensor.Dtype;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The rotary tables (cosines and sines) of a model: one for each RoPE among its layers.
public final class Ropes implements AutoCloseable {
  private final Dtype compute;
  private final Map<Turning, Rotary> all = new HashMap<>();
  private int positions;

  public Ropes(Dtype compute) {
    this.compute = compute;
  }

  public Rotary of(Turning turning) {
    return all.computeIfAbsent(
        turning,
        key -> {
          Rotary made = new Rotary(key.turns(), key.pairing(), compute);
          made.reserve(positions);
          return made;
        });
  }

  /// Extends all tables to `wanted` positions, also the tables of layers that are added later.
  public void reserve(int wanted) {
    positions = Math.max(positions, wanted);
    all.values().forEach(rotary -> rotary.reserve(wanted));
  }

  /// Bytes of a model's rotary tables for `positions` positions.
  ///
  /// @param turnings of its layers; null: a layer without
  public static long bytes(Stream<@Nullable Turning> turnings, int positions, Dtype compute) {
    return turnings
        .filter(Objects::nonNull)
        .flatMap(turning -> Stream.of(turning.ofKeys(), turning))
        .distinct()
        .mapToLong(turning -> Rotary.bytes(turning.turns(), positions, compute))
        .sum();
  }

  @Override
  public void close() {
    all.values().forEach(Rotary::close);
  }
}
