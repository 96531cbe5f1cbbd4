package dev.nudge.train;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.Lora;
import dev.nudge.adapter.Targets;
import dev.nudge.data.Example;
import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelConfig;
import dev.nudge.model.Quantization;
import dev.nudge.model.RopeParameters;
import dev.nudge.nn.Backend;
import dev.nudge.nn.Machine;
import dev.nudge.plan.Plan;
import dev.nudge.settings.Compute;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.Optimizer;
import dev.nudge.settings.OptimizerSettings;
import dev.nudge.settings.Schedule;
import dev.nudge.settings.Warmup;
import dev.nudge.tensor.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/// Has the JVM compile the kernels of a step while a run is still reading its files.
///
/// Until a loop of the Vector API is compiled each of its vectors is an object, and a first step
/// spends most of its time so. What is compiled belongs to the process, so optimiser steps on a
/// random model of one layer, with the widths of a small model, do it for every other model.
///
/// Threading: works on a thread of its own between [#start] and [#close].
public final class WarmUp implements AutoCloseable {
  private static final int ROWS = 2;
  private static final int LENGTH = 80; // more than a block of queries
  private static final int MOST_STEPS = 400; // all is compiled long before
  private static final int LOADS = 8;

  private static final ModelConfig SHAPE =
      new ModelConfig(
          576,
          1536,
          1,
          9,
          3,
          64,
          4099, // whole strips and a rest
          LENGTH,
          1e-5,
          true,
          false,
          false,
          new RopeParameters.Default(10_000),
          1,
          List.of(2));

  private static final OptimizerSettings SETTINGS =
      new OptimizerSettings(
          1e-4, Schedule.CONSTANT, new Warmup(0), 0, 1, Optimizer.ADAMW, 0.9, 0.999, 1e-8);

  private final Thread thread;
  private volatile boolean closed;

  private WarmUp(Compute compute, Machine machine) {
    thread = new Thread(() -> warm(compute, machine), "warm-up");
    thread.setDaemon(true);
  }

  /// Starts to warm up for runs of a compute type.
  public static WarmUp start(Compute compute, Machine machine) {
    WarmUp warmUp = new WarmUp(compute, machine);
    warmUp.thread.start();
    return warmUp;
  }

  /// Loads some models, makes some steps and returns: what a build records for the start-up cache.
  public static void rehearse(Compute compute, Machine machine, int steps) {
    Backend backend = Backend.resolve(compute, machine.cache());
    for (int i = 0; i < LOADS; i++) {
      Quantization nf4 = Quantization.nf4(true);
      try (CausalLm model = Checkpoint.random(SHAPE, backend, nf4, 1)) {
        model.cache(Caches.ALL);
      }
    }
    new WarmUp(compute, machine).steps(backend, steps);
  }

  private void warm(Compute compute, Machine machine) {
    try {
      steps(Backend.resolve(compute, machine.cache()), MOST_STEPS);
    } catch (NudgeException e) {
      // what is wrong is told by the run itself
    }
  }

  private void steps(Backend backend, int most) {
    List<Example> examples = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < ROWS; i++) {
      examples.add(Example.of(random.ints(LENGTH, 0, SHAPE.vocabSize()).toArray()));
    }
    try (CausalLm model = Checkpoint.random(SHAPE, backend, 1);
        Scope scope = Scope.open("warm-up")) {
      model.reserve(LENGTH);
      Adapters adapters =
          Adapters.attach(
              model.slots(),
              List.of(model.head().path()),
              Lora.of(16, 32, Targets.parse(Targets.ALL_LINEAR)),
              1,
              backend.compute(),
              1,
              scope);
      int tokens = ROWS * LENGTH;
      Plan plan =
          Plan.uncounted(backend.name(), 1, 1, tokens, LENGTH, model.trainBytes(tokens, LENGTH));
      try (Trainer trainer =
          new Trainer(model, adapters.parameters(), examples, plan, SETTINGS, 1)) {
        for (int i = 0; i < most && !closed; i++) {
          trainer.step(i, new int[] {0, 1}, 1e-4);
        }
      }
    }
  }

  /// Lets the step that is being made be the last; does not wait for it.
  @Override
  public void close() {
    closed = true;
  }

  /// Waits for the end, for tests.
  void join() throws InterruptedException {
    thread.join();
  }
}
