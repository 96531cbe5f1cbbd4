package dev.nudge.train;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.data.tokens.Example;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.Trainable;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Parameter;
import dev.nudge.plan.Plan;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.Optimizer;
import dev.nudge.settings.train.OptimizerSettings;
import dev.nudge.settings.train.Rate;
import dev.nudge.settings.train.Schedule;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.train.Warmup;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.Quantize;
import dev.nudge.tensor.Scope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;

/// Warms up the JVM: compiles the kernels of a step while a run is still reading its files.
///
/// Until the JVM compiles a loop of the Vector API, each of its vectors is an object; a first step
/// spends most of its time in such loops. Compiled code belongs to the process, so optimiser steps
/// on a random model of one layer, with the widths of a small model, warm up every other model.
/// They train the run's parts, an adapter or all weights, with the run's optimiser: gradients of
/// norms and embedding, and 8-bit optimiser states, have loops of their own.
///
/// Threading: works on a thread of its own between [#start] and [#close].
public final class WarmUp implements AutoCloseable {
  private static final int ROWS = 2;
  private static final int LENGTH = 80; // more than a block of queries
  private static final int MOST_STEPS = 400; // all is compiled long before
  private static final int LOADS = 8;
  private static final int VOCABULARY = 4099; // whole strips and a rest
  private static final int FEW_WORDS = 1027; // where the table trains; the rest is as long

  private static final Set<List<?>> WARM = ConcurrentHashMap.newKeySet(); // trained kinds

  private final Method method;
  private final Optimizer optimizer;
  private final Thread thread;
  private volatile boolean closed;

  private WarmUp(Compute compute, Method method, Optimizer optimizer, Machine machine) {
    this.method = method;
    this.optimizer = optimizer;
    this.thread = new Thread(() -> warm(compute, machine), "warm-up");
    thread.setDaemon(true);
  }

  private static WarmUp of(TrainSettings settings, Machine machine) {
    return new WarmUp(
        settings.model().compute(),
        settings.lora().method(),
        settings.optimizer().optimizer(),
        machine);
  }

  /// Starts a warm-up for a run.
  static WarmUp start(TrainSettings settings, Machine machine) {
    WarmUp warmUp = of(settings, machine);
    warmUp.thread.start();
    return warmUp;
  }

  /// Starts a warm-up, unless this process has warmed up for the same kind of training before.
  static WarmUp startOnce(TrainSettings settings, Machine machine) {
    List<?> kind = List.of(settings.lora().method(), settings.optimizer().optimizer());
    return WARM.add(kind) ? start(settings, machine) : of(settings, machine);
  }

  private static ModelConfig shape(int vocabulary) {
    return ModelConfig.llama(576, 1536, 1, 9, 3, 64, vocabulary, LENGTH, true, 10_000);
  }

  /// Loads some models and makes steps with each method: the build runs it to record the AOT
  /// start-up cache.
  public static void rehearse(Compute compute, Machine machine, int steps) {
    Backend backend = Backend.resolve(compute, machine.cache());
    for (int i = 0; i < LOADS; i++) {
      Quantization nf4 = Quantization.of(Quantize.NF4, true);
      try (CausalLm model = Checkpoint.random(shape(VOCABULARY), backend, nf4, 1)) {
        model.packed().keep(Caches.ALL, Set.of());
      }
    }
    for (Method method : Method.values()) {
      new WarmUp(compute, method, Optimizer.ADAMW, machine).steps(backend, steps);
    }
  }

  private void warm(Compute compute, Machine machine) {
    try {
      steps(Backend.resolve(compute, machine.cache()), MOST_STEPS);
    } catch (NudgeException e) {
      // the run itself reports the error
    }
  }

  private void steps(Backend backend, int most) {
    boolean full = method == Method.FULL;
    ModelConfig shape = shape(full ? FEW_WORDS : VOCABULARY);
    List<Example> examples = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < ROWS; i++) {
      examples.add(Example.of(random.ints(LENGTH, 0, shape.vocabSize()).toArray()));
    }
    OptimizerSettings settings =
        new OptimizerSettings(
            new Rate(1e-4),
            Schedule.CONSTANT,
            new Warmup(0),
            false,
            0,
            1,
            optimizer,
            0.9,
            0.999,
            1e-8,
            null);
    try (Scope scope = Scope.open("warm-up");
        CausalLm model =
            Checkpoint.random(
                shape, backend, Quantization.NONE, full ? Trainable.all(1, scope) : null, 1)) {
      model.reserve(LENGTH);
      List<Parameter> trained = full ? model.parameters() : adapter(model, scope);
      int tokens = ROWS * LENGTH;
      Plan plan =
          Plan.uncounted(
              backend.name(), 1, 1, tokens, LENGTH, model.measured().trainBytes(tokens, LENGTH));
      try (Trainer trainer =
          new Trainer(model, trained, examples, plan, settings, 1, Path.of(""))) {
        for (int i = 0; i < most && !closed; i++) {
          trainer.step(i, new int[] {0, 1}, 1e-4);
        }
      }
    }
  }

  private static List<Parameter> adapter(CausalLm model, Scope scope) {
    return Adapters.attach(
            model.modules(),
            Lora.of(16, 32, Targets.parse(Targets.ALL_LINEAR)),
            1,
            model.backend().compute(),
            1,
            scope)
        .parameters();
  }

  /// Stops after the current step; does not wait for it.
  @Override
  public void close() {
    closed = true;
  }

  /// Waits until the warm-up has freed its memory, or this thread is interrupted.
  void join() {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
