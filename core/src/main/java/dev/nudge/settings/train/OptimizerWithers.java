package dev.nudge.settings.train;

import dev.nudge.settings.Withers;

/// Withers for the learning rate and the optimiser.
///
/// @param <S> the record that holds them
public interface OptimizerWithers<S extends Record> extends Withers<S> {
  /// The highest learning rate.
  default S withLearningRate(double highest) {
    return with("learning_rate", highest);
  }

  /// The highest learning rate that fits the method and the model's width.
  default S withAutoLearningRate() {
    return with("learning_rate", "auto");
  }

  /// LoRA+: the learning rate of B over that of A.
  default S withLoraPlus(double ratio) {
    return with("lora_plus", ratio);
  }

  /// The schedule of the learning rate after the warm-up.
  default S withSchedule(Schedule schedule) {
    return with("schedule", schedule);
  }

  /// The warm-up: a whole number of steps, or below 1 a share of them.
  default S withWarmup(double stepsOrShare) {
    return with("warmup", new Warmup(stepsOrShare));
  }

  /// Whether the warm-up begins at a learning rate of 0, as in transformers.
  default S withWarmupFromZero(boolean fromZero) {
    return with("warmup_from_zero", fromZero);
  }

  /// The decoupled weight decay.
  default S withWeightDecay(double decay) {
    return with("weight_decay", decay);
  }

  /// The norm that gradients are clipped to; 0: off.
  default S withMaxGradNorm(double norm) {
    return with("max_grad_norm", norm);
  }

  /// The optimiser.
  default S withOptimizer(Optimizer optimizer) {
    return with("optimizer", optimizer);
  }

  /// Beta1: the decay of the first moment.
  default S withBeta1(double beta1) {
    return with("beta1", beta1);
  }

  /// Beta2: the decay of the second moment.
  default S withBeta2(double beta2) {
    return with("beta2", beta2);
  }

  /// Epsilon: the term added to the root of the second moment; with GRPO the clip range.
  default S withEpsilon(double epsilon) {
    return with("epsilon", epsilon);
  }
}
