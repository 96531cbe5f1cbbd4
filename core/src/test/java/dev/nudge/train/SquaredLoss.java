package dev.nudge.train;

import dev.nudge.data.tokens.Example;
import dev.nudge.train.objective.Objective;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;

/// A made-up objective, for tests of the seam: the mean of sequences' squared losses,
/// L = 1/N · Σ (sᵢ/nᵢ)² with nᵢ trained tokens. So wᵢ = −∂L/∂sᵢ = −2·sᵢ/(N·nᵢ²): a sequence counts
/// the more the worse it is known.
final class SquaredLoss implements Objective {
  @Override
  public boolean needsScores() {
    return true;
  }

  @Override
  public Weights weigh(Scored step) {
    List<Example> sequences = step.sequences();
    double[] logprobs = step.logprobs();
    double[] each = new double[logprobs.length];
    double[] losses = new double[logprobs.length];
    for (int i = 0; i < each.length; i++) {
      int tokens = Math.max(1, sequences.get(i).trainedTokens());
      losses[i] = -logprobs[i] / tokens;
      each[i] = 2 * losses[i] / tokens / each.length;
    }
    double worst = DoubleStream.of(losses).max().orElse(0);
    double loss = DoubleStream.of(losses).map(x -> x * x).sum() / each.length;
    return new Weights(1, each, null, loss, Map.of("worst", worst));
  }
}
