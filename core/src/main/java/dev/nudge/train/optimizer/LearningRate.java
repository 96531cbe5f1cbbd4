package dev.nudge.train.optimizer;

import dev.nudge.settings.train.OptimizerSettings;
import dev.nudge.settings.train.Schedule;

/// The learning-rate schedule of a run, as in transformers except for the warm-up.
///
/// Step i counts from 0; T steps, W of them warm-up. i < W gives (i + 1)/W of the peak; afterwards,
/// with x = (i − W)/(T − W), linear 1 − x, cosine (1 + cos πx)/2, constant 1; wsd stays at 1 and
/// falls linearly over the last tenth. The warm-up of transformers is i/W, so its first step has
/// learning rate 0 and trains nothing.
///
/// @param fromZero whether to warm up as transformers does
public record LearningRate(
    Schedule schedule, double peak, int warmupSteps, boolean fromZero, int steps) {
  /// The schedule of a run of `steps` steps.
  public static LearningRate of(OptimizerSettings settings, int steps) {
    return new LearningRate(
        settings.schedule(),
        settings.highestRate(),
        settings.warmup().steps(steps),
        settings.warmupFromZero(),
        steps);
  }

  /// The learning rate of step `i`, from 0.
  public double at(int i) {
    return peak * factor(i);
  }

  private double factor(int i) {
    if (i < warmupSteps) {
      return (double) (fromZero ? i : i + 1) / warmupSteps;
    }
    double x = (double) (i - warmupSteps) / Math.max(1, steps - warmupSteps);
    return switch (schedule) {
      case CONSTANT -> 1;
      case LINEAR -> Math.max(0, 1 - x);
      case COSINE -> Math.max(0, (1 + Math.cos(Math.PI * x)) / 2);
      case WSD -> {
        int decay = Math.ceilDiv(steps, 10);
        yield Math.clamp((double) (steps - i) / decay, 0, 1);
      }
    };
  }
}
