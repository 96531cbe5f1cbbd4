package dev.nudge.train.replay;

import dev.nudge.data.Packing;
import dev.nudge.data.tokens.Example;
import dev.nudge.engine.Batcher;
import dev.nudge.kernel.HeadDivergence;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Adds the gradient of the divergence from the base on replayed rows:
///
///     L += W/N · Σ KL(p_B ‖ p)      over all N places of a step's replayed rows but each last one
///
/// In rounds: all lanes compute hidden states of a micro-batch with the adapter off, then train on
/// it with the adapter on. So the adapter is switched while no pass runs, there is one model, and a
/// lane keeps hidden states of one micro-batch.
///
/// Threading: one thread calls.
///
/// @param bare runs something with the adapter off
public record BaseDivergence(
    Replay replay,
    CausalLm model,
    Lanes lanes,
    List<Workspace> workspaces,
    int budget,
    Consumer<Runnable> bare) {

  /// Accumulates a step's gradients into the parameters.
  ///
  /// @return the mean divergence, in nats a token
  public double add(int step) {
    List<Example> examples = replay.examples();
    int[] rows = replay.batches().step(step);
    int[] lengths = IntStream.of(rows).map(row -> examples.get(row).length()).toArray();
    int most = Math.max(budget, replay.longest());
    Packing packing = Packing.of(lengths, lanes.count(), most, Batcher.cost(model));
    long places = IntStream.of(lengths).mapToLong(length -> length - 1).sum();
    double[] ones = new double[rows.length];
    Arrays.fill(ones, 1);
    Batcher.Factors all = new Batcher.Factors(new double[rows.length], ones);
    int rounds = packing.lanes().stream().mapToInt(List::size).max().orElse(0);
    double sum = 0;
    for (int round = 0; round < rounds; round++) {
      int at = round;
      List<@Nullable Batch> batches = new ArrayList<>();
      for (List<List<Integer>> lane : packing.lanes()) {
        batches.add(at < lane.size() ? Batcher.counted(lane.get(at), rows, examples, all) : null);
      }
      sum += round(batches, replay.weight() / Math.max(1, places));
    }
    return sum / Math.max(1, places);
  }

  private double round(List<@Nullable Batch> batches, double weight) {
    HeadDivergence.@Nullable Base[] bases = new HeadDivergence.Base[lanes.count()];
    bare.accept(
        () ->
            lanes.run(
                lane -> {
                  Batch batch = batches.get(lane);
                  if (batch != null) {
                    bases[lane] = model.remember(batch, workspaces.get(lane));
                  }
                  return 0;
                }));
    List<Double> sums =
        lanes.run(
            lane -> {
              Batch batch = batches.get(lane);
              HeadDivergence.Base base = bases[lane];
              return batch == null || base == null
                  ? 0.0
                  : model.trainTowards(base, batch, weight, workspaces.get(lane));
            });
    double sum = 0;
    for (double s : sums) {
      sum += s;
    }
    return sum;
  }
}
