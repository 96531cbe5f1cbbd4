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

  /// The norm that gradients are clipped to; 0: off.
  default S withMaxGradNorm(double norm) {
    return with("max_grad_norm", norm);
  }
}
