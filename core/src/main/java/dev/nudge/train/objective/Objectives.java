package dev.nudge.train.objective;

import dev.nudge.data.rows.WantedRows;
import dev.nudge.settings.train.ObjectiveSettings;
import java.util.LinkedHashMap;
import java.util.Map;

/// The objectives of the settings, and the functions they share.
public final class Objectives {
  public static final String CHOSEN = "rewards_chosen";
  static final String REJECTED = "rewards_rejected";
  public static final String MARGIN = "margin";
  public static final String ACCURACY = "accuracy";
  public static final String KL = "kl";

  private Objectives() {}

  /// The objective that settings name.
  ///
  /// @param clip range of ratios
  /// @param maxLength most tokens of a sequence
  /// @param rows the rows' contents
  public static Objective of(
      ObjectiveSettings settings, double clip, int maxLength, WantedRows rows) {
    return switch (settings.objective()) {
      case SFT -> Objective.SUPERVISED;
      case DPO ->
          new DirectPreference(
              settings.lossType(),
              settings.beta(),
              settings.labelSmoothing(),
              settings.rpoAlpha() == null ? 0 : settings.rpoAlpha());
      case KTO ->
          new LabelledPreference(
              settings.beta(), settings.desirableWeight(), settings.undesirableWeight(), maxLength);
      case ORPO -> new OddsRatio(settings.beta());
      case REWARD ->
          new PairedReward(settings.centerRewards() == null ? 0 : settings.centerRewards());
      case GRPO ->
          new GroupRelative(
              settings.lossType(),
              settings.beta(),
              clip,
              settings.rollouts().scaleRewards(),
              settings.rollouts().iterations(),
              settings.rollouts().temperature(),
              rows.promptsOnly() ? settings.rollouts().generations() : rows.group(),
              settings.rollouts().maxCompletion(),
              !rows.promptsOnly());
    };
  }

  /// σ(z).
  static double sigmoid(double z) {
    return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
  }

  /// log σ(z).
  static double logSigmoid(double z) {
    return Math.min(z, 0) - Math.log1p(Math.exp(-Math.abs(z)));
  }

  /// σ′(z) = σ(z)·σ(−z).
  static double slope(double z) {
    return sigmoid(z) * sigmoid(-z);
  }

  /// The figures of pairs, as TRL logs them.
  ///
  /// @param chosen reward of each chosen answer
  /// @param rejected reward of each rejected one
  static Map<String, Double> figures(double[] chosen, double[] rejected) {
    double better = 0;
    double worse = 0;
    double right = 0;
    for (int i = 0; i < chosen.length; i++) {
      better += chosen[i];
      worse += rejected[i];
      right += chosen[i] > rejected[i] ? 1 : 0;
    }
    int n = chosen.length;
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put(CHOSEN, better / n);
    figures.put(REJECTED, worse / n);
    figures.put(MARGIN, (better - worse) / n);
    figures.put(ACCURACY, right / n);
    return figures;
  }
}
