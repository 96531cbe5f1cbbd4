package dev.nudge.settings.train;

import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import org.jspecify.annotations.Nullable;

/// The learning rate, its schedule, and the optimiser.
///
/// @param epsilon added to the root of the squared gradients; with GRPO the clip range of ratios
/// @param maxGradNorm norm that gradients are clipped to; 0: off
/// @param loraPlus rate of B, and of a variant's vectors, over that of A (LoRA+); null: the same
public record OptimizerSettings(
    @Setting(
            help = "highest learning rate; auto fits the method and the model's width",
            label = "X|auto",
            byDefault = "auto",
            when = {
              "objective=dpo|kto|orpo|grpo&method=full",
              "objective=dpo|kto|orpo|grpo",
              "objective=reward"
            },
            thenDefault = {"1e-6", "1e-5", "1e-4"})
        Rate learningRate,
    @Setting(help = "course of the rate after the warm-up", byDefault = "linear") Schedule schedule,
    @Setting(
            help = "warm-up: a whole number of steps, or below 1 a share of them",
            byDefault = "0.03",
            label = "N|X")
        Warmup warmup,
    @Setting(help = "begin the warm-up at the rate 0, as transformers does") boolean warmupFromZero,
    @Setting(help = "decoupled weight decay", byDefault = "0") double weightDecay,
    @Setting(help = "clip gradients to this norm; 0: never", byDefault = "1") double maxGradNorm,
    @Setting(help = "the optimiser", byDefault = "adamw") Optimizer optimizer,
    @Setting(help = "decay of the mean of gradients", byDefault = "0.9") double beta1,
    @Setting(help = "decay of the mean of squared gradients", byDefault = "0.999") double beta2,
    @Setting(
            help =
                "added to the root of the squared gradients; with grpo the clip range of ratios,"
                    + " and 1e-8 is added to that root",
            byDefault = "1e-8",
            when = "objective=grpo",
            thenDefault = "0.2")
        double epsilon,
    @Setting(help = "rate of B over that of A (LoRA+; its paper: 16) (default: 1)", label = "RATIO")
        @Nullable Double loraPlus) {

  public OptimizerSettings {
    Check.positive("--lora-plus", loraPlus);
    Check.notNegative("--weight-decay", weightDecay);
    Check.notNegative("--max-grad-norm", maxGradNorm);
    Check.share("--beta1", beta1);
    Check.share("--beta2", beta2);
    Check.positive("--epsilon", epsilon);
  }

  /// The highest learning rate as a number; a run knows it once its model is read.
  public double highestRate() {
    return learningRate.known();
  }

  /// Refuses a rate that was not measured with an objective.
  void check(ObjectiveName objective) {
    if (learningRate.isAuto() && objective.compares()) {
      throw new InputException(
          "--learning-rate auto is known for --objective sft alone; give a number, or leave it"
              + " out");
    }
  }

  /// The settings of the optimiser alone: with GRPO epsilon is the clip range.
  public OptimizerSettings ofUpdates(ObjectiveName objective) {
    return !objective.groups()
        ? this
        : new OptimizerSettings(
            learningRate,
            schedule,
            warmup,
            warmupFromZero,
            weightDecay,
            maxGradNorm,
            optimizer,
            beta1,
            beta2,
            1e-8,
            loraPlus);
  }
}
