package dev.nudge.train.optimizer;

import dev.nudge.nn.Parameter;
import dev.nudge.settings.train.OptimizerSettings;
import org.jspecify.annotations.Nullable;

/// The learning rates of LoRA+ [1] by parameter, as in PEFT's `create_loraplus_optimizer`.
///
/// B and all vectors (DoRA's magnitudes, biases, norms) learn at `ratio` times the rate of A; A and
/// B of an embedding at a rate of their own. Biases do not decay. Moments, clipping and the
/// schedule are those of all parameters.
///
/// [1] Hayou et al., "LoRA+: Efficient Low Rank Adaptation of Large Models", arXiv:2402.12354.
///
/// @param ratio null: plain LoRA
/// @param learningRate the highest rate of A; unused in plain LoRA
record LoraPlus(@Nullable Double ratio, double learningRate) {
  private static final double EMBEDDING_RATE = 1e-6;

  static LoraPlus of(OptimizerSettings settings) {
    return new LoraPlus(
        settings.loraPlus(), settings.loraPlus() == null ? 0 : settings.highestRate());
  }

  /// The factor of a parameter's learning rate.
  double rate(Parameter p) {
    if (ratio == null) {
      return 1;
    }
    if (p.name().contains(".lora_embedding_")) {
      return EMBEDDING_RATE / learningRate;
    }
    boolean vector = !p.decay() || p.name().endsWith(".lora_magnitude_vector");
    return vector || p.name().contains(".lora_B.") ? ratio : 1;
  }

  /// Whether weight decay applies to a parameter.
  boolean decays(Parameter p) {
    return p.decay() && (ratio == null || !p.name().endsWith(".bias"));
  }
}
