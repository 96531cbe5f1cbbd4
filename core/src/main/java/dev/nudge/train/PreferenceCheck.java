package dev.nudge.train;

import dev.nudge.train.objective.GroupRelative;
import dev.nudge.train.objective.Objectives;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/// Detects preference runs that learn nothing or diverge, from the figures of their steps; reports
/// each sign once.
///
/// - After a tenth of the steps the accuracy of that tenth is at chance level (within two standard
///   deviations of ½).
/// - After a tenth of the steps rewards have not changed: no margin differs from 0.
/// - After a tenth of the steps no group of completions had rewards that differ.
/// - Later, in ten batches in a row, nine of ten groups have rewards that are all equal: the model
///   gives one answer, or it is always right.
/// - The KL to the reference explodes: above 100 nats an answer, or for groups and replayed rows
///   above 1 nat a token. For pairs with a reference the sign is that chosen answers became less
///   likely by 100 nats.
final class PreferenceCheck {
  private static final int LEAST_PAIRS = 40;
  private static final double LEAST_MARGIN = 1e-6;
  private static final double MOST_KL = 100;
  private static final double MOST_REPLAY_KL = 1;
  private static final double MOST_CONSTANT = 0.9;
  private static final int ALIKE_BATCHES = 10;

  private final int until; // step
  private final int batchSize;
  private final double beta; // of pairs with a reference; 0: there are none
  private int pairs;
  private double right;
  private double largest; // margin
  private boolean margins;
  private boolean grouped;
  private boolean sampled;
  private double fewest = 1; // share of groups of a step whose rewards are all equal
  private int alike; // batches in a row
  private boolean narrow;
  private boolean astray;

  PreferenceCheck(Prepared prepared) {
    this(
        prepared.steps(),
        prepared.settings().loop().batchSize(),
        prepared.settings().objective().objective().pairs()
                && prepared.settings().objective().hasReference()
            ? prepared.settings().objective().beta()
            : 0);
  }

  /// @param beta of pairs with a reference; 0: there are none
  PreferenceCheck(int steps, int batchSize, double beta) {
    this.until = Math.ceilDiv(steps, 10);
    this.batchSize = batchSize;
    this.beta = beta;
  }

  /// Checks a step's figures, and returns warnings.
  List<String> take(int step, Map<String, Double> figures) {
    List<String> lines = new ArrayList<>();
    Double constant = figures.get(GroupRelative.CONSTANT);
    double far = constant == null ? MOST_KL : MOST_REPLAY_KL;
    double kl = figures.getOrDefault(Objectives.KL, 0.0);
    double replayed = figures.getOrDefault(Trainer.REPLAY_KL, 0.0);
    if (!astray && (kl > far || replayed > MOST_REPLAY_KL)) {
      astray = true;
      lines.add(
          String.format(
              Locale.ROOT,
              "the model is far from its %s at step %d (KL %.1f nats %s); lower --learning-rate, or"
                  + " raise %s",
              kl > far ? "reference" : "base",
              step,
              kl > far ? kl : replayed,
              kl > far && constant == null ? "an answer" : "a token",
              kl > far ? "--beta" : "--replay-weight"));
    }
    double lost = beta == 0 ? 0 : -figures.getOrDefault(Objectives.CHOSEN, 0.0) / beta;
    if (!astray && lost > MOST_KL) {
      astray = true;
      lines.add(
          String.format(
              Locale.ROOT,
              "the chosen answers are less likely than under the reference by %.0f nats at step %d,"
                  + " so a third one may win; lower --learning-rate, raise --beta, or add"
                  + " --rpo-alpha 1",
              lost,
              step));
    }
    if (constant != null && !constant.isNaN()) {
      alike = constant >= MOST_CONSTANT ? alike + 1 : 0;
    }
    if (step > until) {
      if (alike == ALIKE_BATCHES && fewest < 1 && !narrow) {
        narrow = true;
        lines.add(
            "the completions of nearly all prompts are worth the same at step %d, so nothing more is learned; if samples.jsonl shows one answer to everything, take an earlier adapter, and lower --learning-rate or raise --beta"
                .formatted(step));
      }
      return lines;
    }
    Double accuracy = figures.get(Objectives.ACCURACY);
    Double margin = figures.get(Objectives.MARGIN);
    if (accuracy != null) {
      pairs += batchSize;
      right += accuracy * batchSize;
    }
    if (margin != null && !margin.isNaN()) {
      margins = true;
      largest = Math.max(largest, Math.abs(Objects.requireNonNull(margin)));
    }
    if (constant != null && !constant.isNaN()) {
      grouped = true;
      sampled = figures.containsKey(GroupRelative.FAILED);
      fewest = Math.min(fewest, constant);
    }
    if (step == until) {
      lines.addAll(afterATenth());
    }
    return lines;
  }

  private List<String> afterATenth() {
    if (margins && until > 1 && largest < LEAST_MARGIN) {
      return List.of(
          "rewards are constant after a tenth of the run: chosen and rejected answers are worth the"
              + " same; raise --learning-rate, or look at the rows (nudge data preview)");
    }
    if (grouped && until > 1 && fewest == 1) {
      return List.of(
          "rewards are constant after a tenth of the run: the completions of each prompt are worth"
              + " the same, so nothing is learned; look at "
              + (sampled
                  ? "samples.jsonl and --reward, raise --temperature or --generations, or train on"
                      + " answers first (--objective sft)"
                  : "the rows (nudge data preview)"));
    }
    double share = pairs == 0 ? 0 : right / pairs;
    if (pairs >= LEAST_PAIRS && Math.abs(share - 0.5) < 1 / Math.sqrt(pairs)) {
      return List.of(
          String.format(
              Locale.ROOT,
              "accuracy is %.0f %% after a tenth of the run, what chance gives: raise"
                  + " --learning-rate, or look at the pairs (nudge data preview)",
              100 * share));
    }
    return List.of();
  }
}
