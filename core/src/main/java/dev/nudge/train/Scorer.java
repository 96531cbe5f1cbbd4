package dev.nudge.train;

import static java.util.Objects.requireNonNull;

import dev.nudge.data.Example;
import dev.nudge.data.Packing;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Computes log-probabilities of the trained tokens of examples, on lanes.
///
/// Threading: one thread calls.
public final class Scorer {
  private final CausalLm model;
  private final Lanes lanes;
  private final List<Workspace> workspaces;
  private final int budget;

  /// @param workspaces one a lane, large enough for `budget` tokens
  /// @param budget most tokens of a batch
  public Scorer(CausalLm model, Lanes lanes, List<Workspace> workspaces, int budget) {
    this.model = model;
    this.lanes = lanes;
    this.workspaces = workspaces;
    this.budget = budget;
  }

  /// Scores examples; the results are in their order.
  public RowScore[] score(List<Example> examples) {
    return requireNonNull(score(examples, () -> false));
  }

  /// Scores examples, unless it is cancelled.
  ///
  /// @param cancelled asked by lanes, between batches
  /// @return null where it was cancelled
  public RowScore @Nullable [] score(List<Example> examples, BooleanSupplier cancelled) {
    int[] lengths = examples.stream().mapToInt(Example::length).toArray();
    int[] rows = IntStream.range(0, lengths.length).toArray();
    Packing packing = Packing.of(lengths, lanes.count(), budget, Trainer.cost(model));
    RowScore[] scores = new RowScore[lengths.length];
    AtomicBoolean stopped = new AtomicBoolean();
    lanes.run(
        lane -> {
          for (List<Integer> group : packing.lanes().get(lane)) {
            if (stopped.get() || cancelled.getAsBoolean()) {
              stopped.set(true);
              break;
            }
            Batch b = Trainer.batch(group, rows, examples);
            double[] logprob = new double[b.rows().length];
            int[] best = new int[logprob.length];
            model.score(b, logprob, best, workspaces.get(lane));
            int at = 0;
            for (int place : group) {
              Example example = examples.get(place);
              int tokens = example.trainedTokens();
              double sum = 0;
              boolean greedy = true;
              for (int i = at; i < at + tokens; i++) {
                sum += logprob[i];
                greedy &= best[i] == b.targets()[i];
              }
              scores[place] = new RowScore(example.index(), tokens, sum, greedy);
              at += tokens;
            }
          }
          return lane;
        });
    return stopped.get() ? null : scores;
  }
}
