package dev.nudge.train.objective;

import static dev.nudge.train.objective.Objectives.logSigmoid;
import static dev.nudge.train.objective.Objectives.sigmoid;

/// Odds-ratio preference optimisation [1], as TRL's ORPOTrainer: pairs without a reference.
///
/// With L the mean log-probability of an answer's tokens and o the logarithm of the odds ratio
///
///     o = (L_c − L_r) − (log(1 − e^L_c) − log(1 − e^L_r))
///     loss = nll − β · mean over pairs of log σ(o)
///
/// where nll is the mean over all tokens but the first of the step's chosen texts, prompts
/// included.
///
/// [1] Hong, Lee, Thorne, arXiv:2403.07691.
public record OddsRatio(double beta) implements Objective {

  @Override
  public String name() {
    return "orpo";
  }

  @Override
  public boolean needsScores() {
    return true;
  }

  @Override
  public boolean countsText(int place) {
    return place % 2 == 0;
  }

  @Override
  public Weights weigh(Scored step) {
    int n = step.sequences().size() / 2;
    double[] each = new double[2 * n];
    double[] texts = new double[2 * n];
    double[] chosen = new double[n];
    double[] rejected = new double[n];
    double odds = 0;
    double text = 0;
    long tokens = 0;
    for (int i = 0; i < n; i++) {
      int c = 2 * i;
      int r = c + 1;
      int ofChosen = Math.max(1, step.sequences().get(c).trainedTokens());
      int ofRejected = Math.max(1, step.sequences().get(r).trainedTokens());
      double better = step.logprobs()[c] / ofChosen;
      double worse = step.logprobs()[r] / ofRejected;
      double o = better - worse - (rest(better) - rest(worse));
      odds += logSigmoid(o) / n;
      double slope = beta * sigmoid(-o) / n;
      each[c] = slope / (-Math.expm1(better) * ofChosen);
      each[r] = -slope / (-Math.expm1(worse) * ofRejected);
      text += step.texts()[c];
      tokens += step.sequences().get(c).length() - 1;
      chosen[i] = beta * better;
      rejected[i] = beta * worse;
    }
    for (int i = 0; i < n; i++) {
      texts[2 * i] = 1.0 / Math.max(1, tokens);
    }
    double loss = -text / Math.max(1, tokens) - beta * odds;
    return new Weights(1, each, texts, loss, Objectives.figures(chosen, rejected));
  }

  /// log(1 − e^x) of x below 0.
  private static double rest(double x) {
    return Math.log(-Math.expm1(x));
  }
}
