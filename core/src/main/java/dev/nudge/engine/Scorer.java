package dev.nudge.engine;

import dev.nudge.data.Example;
import dev.nudge.data.Packing;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/// Computes log-probabilities of the trained tokens of examples, by training's forward passes.
///
/// Threading: one thread calls.
public final class Scorer {
  private final CausalLm model;
  private final Lanes lanes;
  private final List<Workspace> workspaces;
  private final int budget;

  /// @param workspaces one per lane, large enough for `budget` tokens
  /// @param budget most tokens of a batch
  public Scorer(CausalLm model, Lanes lanes, List<Workspace> workspaces, int budget) {
    this.model = model;
    this.lanes = lanes;
    this.workspaces = workspaces;
    this.budget = budget;
  }

  /// The scores of some examples, computed batch by batch.
  ///
  /// Threading: as [Scorer].
  public final class Scores {
    private final List<Example> examples;
    private final int[] rows;
    private final Packing packing;
    private final int[] next; // batch of each lane
    private final RowScore[] scores;
    private final double[] weighed;

    private Scores(List<Example> examples) {
      this.examples = examples;
      int[] lengths = examples.stream().mapToInt(Example::length).toArray();
      rows = IntStream.range(0, lengths.length).toArray();
      packing = Packing.of(lengths, lanes.count(), budget, Flat.cost(model));
      next = new int[lanes.count()];
      scores = new RowScore[lengths.length];
      weighed = new double[lengths.length];
    }

    /// Scores more batches, until all examples are scored or `pause` says to stop.
    ///
    /// @param pause asked by each lane after each batch
    /// @return whether all examples are scored
    public boolean go(BooleanSupplier pause) {
      return !lanes.run(lane -> go(lane, pause)).contains(false);
    }

    private boolean go(int lane, BooleanSupplier pause) {
      List<List<Integer>> batches = packing.lanes().get(lane);
      while (next[lane] < batches.size()) {
        score(batches.get(next[lane]++), lane);
        if (pause.getAsBoolean()) {
          break;
        }
      }
      return next[lane] == batches.size();
    }

    private void score(List<Integer> places, int lane) {
      Batch b = Flat.batch(places, rows, examples, null);
      double[] logprob = new double[b.rows().length];
      int[] best = new int[logprob.length];
      model.score(b, logprob, best, workspaces.get(lane));
      int at = 0;
      for (int place : places) {
        Example example = examples.get(place);
        int tokens = example.trainedTokens();
        double sum = 0;
        boolean greedy = tokens > 0;
        for (int i = at; i < at + tokens; i++) {
          sum += logprob[i];
          weighed[place] += b.weight(i) * logprob[i];
          greedy &= best[i] == b.targets()[i];
        }
        scores[place] = new RowScore(example.index(), tokens, sum, greedy);
        at += tokens;
      }
    }

    /// The scores in the order of the examples, once all are computed.
    public List<RowScore> rows() {
      return List.of(scores);
    }

    /// The log-probability of each example, each token times its loss weight, once all are
    /// computed.
    public double[] weighed() {
      return weighed.clone();
    }
  }

  /// Prepares to score examples; [Scores#go] computes the scores.
  public Scores begin(List<Example> examples) {
    return new Scores(examples);
  }
}
