package dev.nudge.settings.train;

import dev.nudge.settings.Withers;
import java.util.List;

/// Withers for what a run minimises.
///
/// @param <S> the record that holds them
public interface ObjectiveWithers<S extends Record> extends Withers<S> {
  /// What is minimised.
  default S withObjective(ObjectiveName objective) {
    return with("objective", objective);
  }

  /// The strength of the pull to the reference; with orpo the weight of the odds ratio, with
  /// grpo that of the KL.
  default S withBeta(double strength) {
    return with("beta", strength);
  }

  /// The loss of a pair in DPO, or of tokens in GRPO.
  default S withLossType(LossType type) {
    return with("loss_type", type);
  }

  /// The share of pairs whose labels are wrong.
  default S withLabelSmoothing(double share) {
    return with("label_smoothing", share);
  }

  /// The weight of the chosen answers' own loss in DPO.
  default S withRpoAlpha(double weight) {
    return with("rpo_alpha", weight);
  }

  /// The model that preferences are measured against.
  default S withReference(ReferenceModel reference) {
    return with("reference", reference);
  }

  /// The weight of the good answers in KTO.
  default S withDesirableWeight(double weight) {
    return with("desirable_weight", weight);
  }

  /// The weight of the bad answers in KTO.
  default S withUndesirableWeight(double weight) {
    return with("undesirable_weight", weight);
  }

  /// The column that says by how much the chosen answer is better.
  default S withMarginColumn(String column) {
    return with("margin_column", column);
  }

  /// The weight of a penalty on rewards far from 0.
  default S withCenterRewards(double weight) {
    return with("center_rewards", weight);
  }

  /// Files of rows on which the model stays near the base.
  default S withReplay(String... files) {
    return with("replay", List.of(files));
  }

  /// The weight of the KL to the base on these rows.
  default S withReplayWeight(double weight) {
    return with("replay_weight", weight);
  }

  /// Completions of each prompt in GRPO.
  default S withGenerations(int completions) {
    return with("generations", completions);
  }

  /// The most tokens of a completion in GRPO.
  default S withMaxCompletion(int tokens) {
    return with("max_completion", tokens);
  }

  /// The temperature of GRPO's sampling and of the log-probabilities that it trains.
  default S withTemperature(double temperature) {
    return with("temperature", temperature);
  }

  /// By which deviation rewards are divided in GRPO.
  default S withScaleRewards(ScaleRewards scale) {
    return with("scale_rewards", scale);
  }

  /// Optimiser steps on each batch in GRPO.
  default S withIterations(int steps) {
    return with("iterations", steps);
  }

  /// What gives rewards in GRPO, such as `exact:{answer}`.
  default S withReward(String... sources) {
    return with("reward", List.of(sources));
  }

  /// Jars with Java classes that give rewards in GRPO.
  default S withRewardJar(String... jars) {
    return with("reward_jar", List.of(jars));
  }
}
