package dev.nudge.train.objective;

import static dev.nudge.train.objective.Objectives.sigmoid;
import static dev.nudge.train.objective.Objectives.slope;

import dev.nudge.data.Dataset;
import dev.nudge.data.tokens.Example;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Kahneman-Tversky optimisation [1], as TRL's KTOTrainer: single answers, good or bad.
///
/// With r the log-probability of an answer over that of the reference, the loss is the mean over
/// the step's rows of
///
///     w_D · σ(−β·(r − z))   of a good answer        w_U · σ(β·(r − z))   of a bad one
///
/// where z = max(0, mean of r over mismatched sequences) estimates the KL to the reference, and
/// has no gradient. A mismatched sequence is a row's prompt with the answer of the row before it
/// in its step, the first row's with the last one's answer, in the tokens that both rows have.
///
/// [1] Ethayarajh et al., arXiv:2402.01306.
///
/// @param desirable w_D
/// @param undesirable w_U
/// @param maxLength most tokens of a mismatched sequence
public record LabelledPreference(double beta, double desirable, double undesirable, int maxLength)
    implements Objective {

  @Override
  public String name() {
    return "kto";
  }

  @Override
  public boolean needsScores() {
    return true;
  }

  @Override
  public boolean needsReference() {
    return true;
  }

  @Override
  public List<Example> beside(List<Example> sequences) {
    List<Example> mismatched = new ArrayList<>();
    for (int i = 0; i < sequences.size(); i++) {
      Example answer = sequences.get((i + sequences.size() - 1) % sequences.size());
      mismatched.add(Example.joined(sequences.get(i), answer, maxLength));
    }
    return mismatched;
  }

  @Override
  public int longestBeside(Dataset rows) {
    int prompt = 0;
    int answer = 0;
    for (Example row : rows.examples()) {
      prompt = Math.max(prompt, row.prompt());
      answer = Math.max(answer, row.length() - row.prompt());
    }
    return Math.min(maxLength, prompt + answer);
  }

  @Override
  public Weights weigh(Scored step) {
    int n = step.sequences().size();
    double sum = 0;
    for (int i = n; i < 2 * n; i++) {
      sum += step.ratio(i);
    }
    double z = Math.max(0, sum / n);
    double[] each = new double[n];
    double loss = 0;
    double good = 0;
    double bad = 0;
    int goods = 0;
    for (int i = 0; i < n; i++) {
      double r = step.ratio(i);
      boolean isGood = step.sequences().get(i).value() > 0;
      double weight = isGood ? desirable : undesirable;
      double d = beta * (r - z);
      loss += weight * sigmoid(isGood ? -d : d) / n;
      each[i] = (isGood ? 1 : -1) * weight * beta * slope(d) / n;
      good += isGood ? beta * r : 0;
      bad += isGood ? 0 : beta * r;
      goods += isGood ? 1 : 0;
    }
    double chosen = good / goods; // NaN without good rows; TRL logs none
    double rejected = bad / (n - goods);
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put(Objectives.CHOSEN, chosen);
    figures.put(Objectives.REJECTED, rejected);
    figures.put(Objectives.MARGIN, chosen - rejected);
    figures.put(Objectives.KL, z);
    return new Weights(1, each, null, loss, figures);
  }
}
