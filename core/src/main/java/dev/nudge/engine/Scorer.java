package dev.nudge.engine;

import dev.nudge.data.Packing;
import dev.nudge.data.tokens.Example;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.IntPredicate;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// Computes log-probabilities of the trained tokens of examples, by training's forward passes; of
/// a model that gives rewards ([CausalLm#givesRewards]), the reward of each.
///
/// Threading: one thread calls.
public final class Scorer {
  private final CausalLm model;
  private final Lanes lanes;
  private final List<Workspace> workspaces;
  private final int budget;
  private final boolean branches;

  /// @param workspaces one per lane, large enough for `budget` tokens
  /// @param budget most tokens of a batch
  /// @param branches whether examples of one prompt share it ([Branches])
  public Scorer(
      CausalLm model, Lanes lanes, List<Workspace> workspaces, int budget, boolean branches) {
    this.model = model;
    this.lanes = lanes;
    this.workspaces = workspaces;
    this.budget = budget;
    this.branches = branches;
  }

  /// The scores of some examples, computed batch by batch.
  ///
  /// Threading: as [Scorer].
  public final class Scores {
    private final List<Example> examples;
    private final int[] rows;
    private final boolean shared;
    private final Packing packing;
    private final int[] next; // batch of each lane
    private final RowScore[] scores;
    private final double[] weighed;
    private final double[] texts;
    private final double[][] tokens;
    private final double[] wholes; // 1 where the whole text is wanted

    private Scores(List<Example> examples, IntPredicate whole) {
      this.examples = examples;
      rows = IntStream.range(0, examples.size()).toArray();
      shared = branches && !model.givesRewards() && IntStream.of(rows).noneMatch(whole);
      packing =
          Branches.pack(
              examples, rows, lanes.count(), budget, Batcher.cost(model), Packing.WHOLE, shared);
      next = new int[lanes.count()];
      scores = new RowScore[rows.length];
      weighed = new double[rows.length];
      texts = new double[rows.length];
      tokens = new double[rows.length][];
      wholes = IntStream.of(rows).mapToDouble(row -> whole.test(row) ? 1 : 0).toArray();
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
      if (model.givesRewards()) {
        rewards(places, lane);
        return;
      }
      Batch b = Batcher.counted(places, rows, examples, new Batcher.Factors(null, wholes), shared);
      double[] logprob = new double[b.rows().length];
      int[] best = new int[logprob.length];
      model.score(b, logprob, best, workspaces.get(lane));
      int at = 0;
      for (int place : places) {
        Example example = examples.get(place);
        double[] each = new double[example.trainedTokens()];
        int trained = 0;
        double sum = 0;
        boolean greedy = each.length > 0;
        for (int i = 0; i < example.length(); i++) {
          if (example.trained(i)) {
            sum += logprob[at];
            each[trained++] = logprob[at];
            weighed[place] += example.weight(i) * logprob[at];
            greedy &= best[at] == b.targets()[at];
          }
          if (example.trained(i) || wholes[place] > 0 && i > 0) {
            texts[place] += logprob[at++];
          }
        }
        tokens[place] = each;
        scores[place] = new RowScore(example.index(), trained, sum, greedy);
      }
    }

    private void rewards(List<Integer> places, int lane) {
      Batch b = Batcher.lasts(places, rows, examples, null);
      double[] rewards = new double[places.size()];
      model.score(b, rewards, null, workspaces.get(lane));
      for (int i = 0; i < rewards.length; i++) {
        Example example = examples.get(places.get(i));
        weighed[places.get(i)] = rewards[i];
        scores[places.get(i)] =
            new RowScore(example.index(), example.length(), rewards[i], false, true);
      }
    }

    /// The scores in the order of the examples, once all are computed.
    public List<RowScore> rows() {
      return List.of(scores);
    }

    /// The log-probability of each example's trained tokens, each times its loss weight, or its
    /// reward; once all are computed.
    public double[] weighed() {
      return weighed.clone();
    }

    /// The log-probability of each trained token, one example's behind the other's, once all are
    /// computed.
    public double[] tokens() {
      return Stream.of(tokens).flatMapToDouble(DoubleStream::of).toArray();
    }

    /// The log-probability of all tokens but the first of each example that is wanted whole, once
    /// all are computed.
    public double[] texts() {
      return texts.clone();
    }
  }

  /// Prepares to score examples; [Scores#go] computes the scores.
  public Scores begin(List<Example> examples) {
    return begin(examples, place -> false);
  }

  /// The same, where of some examples the log-probability of the whole text is wanted too.
  ///
  /// @param whole which, by their places
  public Scores begin(List<Example> examples, IntPredicate whole) {
    return new Scores(examples, whole);
  }
}
