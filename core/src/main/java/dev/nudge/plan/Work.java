package dev.nudge.plan;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.DryPasses.TrainWork;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;

/// Counts the FLOPs of a training pass from the model's shape alone.
public final class Work {
  private Work() {}

  /// The FLOPs of training the smallest adapter on a frozen model, by a dry run of the pass.
  ///
  /// @param labelled labelled rows of all sequences together
  /// @param lengths tokens of each sequence
  public static TrainWork of(ModelConfig config, int labelled, int... lengths) {
    Dtype compute = Dtype.F32;
    try (Scope scope = Scope.measuring();
        CausalLm dry = Checkpoint.dry(config, Backend.plain(compute), Quantization.NONE)) {
      Lora smallest = Lora.of(1, 1, Targets.parse(Targets.ALL_LINEAR));
      Adapters.attach(dry.modules(), smallest, 0, compute, 1, scope);
      return dry.measured().work(lengths, labelled);
    }
  }
}
