package dev.nudge.train.objective;

import static dev.nudge.train.objective.Objectives.logSigmoid;
import static dev.nudge.train.objective.Objectives.sigmoid;

/// The loss of a reward model, as TRL's RewardTrainer (Bradley and Terry): the mean over pairs of
///
///     −log σ(s_c − s_r − m) + k·(s_c + s_r)²
///
/// with s the rewards of both answers, m the row's margin, and k the pull of rewards to 0.
///
/// @param center k; 0: nothing
public record PairedReward(double center) implements Objective {

  @Override
  public String name() {
    return "reward";
  }

  @Override
  public boolean needsScores() {
    return true;
  }

  @Override
  public Weights weigh(Scored step) {
    int n = step.sequences().size() / 2;
    double[] each = new double[2 * n];
    double[] chosen = new double[n];
    double[] rejected = new double[n];
    double loss = 0;
    for (int i = 0; i < n; i++) {
      chosen[i] = step.logprobs()[2 * i];
      rejected[i] = step.logprobs()[2 * i + 1];
      double sum = chosen[i] + rejected[i];
      double d = chosen[i] - rejected[i] - step.sequences().get(2 * i).value();
      loss += (-logSigmoid(d) + center * sum * sum) / n;
      each[2 * i] = (sigmoid(-d) - 2 * center * sum) / n;
      each[2 * i + 1] = (-sigmoid(-d) - 2 * center * sum) / n;
    }
    return new Weights(1, each, null, loss, Objectives.figures(chosen, rejected));
  }
}
