package dev.nudge.engine;

import dev.nudge.data.Example;
import dev.nudge.data.Packing;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.model.LayerConfig;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Packs examples into batches without padding, and estimates what they cost to compute.
public final class Flat {
  private Flat() {}

  /// Returns the cost of a token and of a pair of tokens, in FLOPs of a training step's products.
  public static Packing.Cost cost(CausalLm model) {
    double linear = 0;
    for (LinearSlot slot : model.slots()) {
      Linear l = slot.linear();
      linear += (l.trainedWeight() == null ? 4.0 : 6.0) * l.in() * l.out();
    }
    double pairs = 0;
    for (LayerConfig layer : model.config().layers()) {
      pairs += layer.attention().queryWidth();
    }
    return new Packing.Cost(linear, 7.0 * pairs);
  }

  /// Concatenates the sequences of a micro-batch, without padding.
  ///
  /// @param positions indexes into `rows`; dropout is seeded by them, so it does not depend on how
  ///     a step is split into micro-batches
  /// @param weights loss weight of each sequence, by its index in `rows`; null: 1
  public static Batch batch(
      List<Integer> positions, int[] rows, List<Example> examples, double @Nullable [] weights) {
    List<Example> chosen = new ArrayList<>();
    positions.forEach(p -> chosen.add(examples.get(rows[p])));
    int tokens = chosen.stream().mapToInt(Example::length).sum();
    int labelled = chosen.stream().mapToInt(Example::trainedTokens).sum();
    int[] ids = new int[tokens];
    int[] at = new int[labelled];
    int[] targets = new int[labelled];
    double[] factors = new double[labelled];
    boolean plain = true;
    int start = 0;
    int label = 0;
    for (int position : positions) {
      Example e = examples.get(rows[position]);
      double counts = weights == null ? 1 : weights[position];
      for (int i = 0; i < e.length(); i++) {
        ids[start + i] = e.id(i);
        if (e.trained(i)) {
          at[label] = start + i - 1;
          factors[label] = e.weight(i) * counts;
          plain &= factors[label] == 1;
          targets[label++] = e.id(i);
        }
      }
      start += e.length();
    }
    return new Batch(
        ids,
        chosen.stream().mapToInt(Example::length).toArray(),
        positions.stream().mapToLong(Integer::longValue).toArray(),
        at,
        targets,
        plain ? null : factors);
  }
}
