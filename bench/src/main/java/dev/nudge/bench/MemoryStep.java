package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.Clock;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.TrainingSteps;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Recompute;
import dev.nudge.settings.verb.Compute;
import java.nio.file.Path;

/// The process that `bench/memory` watches: makes steps at a level, on a folder's weights.
final class MemoryStep {
  private MemoryStep() {}

  public static void main(String[] args) {
    BenchFlags flags =
        BenchFlags.parse(
            "MemoryStep",
            args,
            "--model … --level NONE --length 512 --lanes 2 --threads 2 --steps 3");
    Path folder = flags.path("model");
    ModelConfig config = ModelConfig.load(folder);
    Backend backend = Backend.resolve(Compute.BF16, Machines.cache());
    try (CausalLm model = Checkpoint.load(folder, config, backend)) {
      int lanes = flags.whole("lanes");
      try (TrainingSteps steps =
          new TrainingSteps(
              model,
              flags.whole("threads"),
              lanes,
              flags.whole("length"),
              lanes,
              Clock.WALL,
              Recompute.valueOf(flags.text("level")))) {
        System.out.println(
            "STEPS "
                + Roofline.seconds(steps.steps(flags.whole("steps")))
                + " WORKSPACE "
                + steps.workspaceBytes());
      }
    }
  }
}
