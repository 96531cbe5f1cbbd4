package dev.nudge.bench.measure;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.data.tokens.Example;
import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.model.DryPasses;
import dev.nudge.model.WeightBytes;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Recompute;
import dev.nudge.plan.Footprint;
import dev.nudge.plan.Plan;
import dev.nudge.plan.Planner;
import dev.nudge.settings.train.Optimizer;
import dev.nudge.settings.train.OptimizerSettings;
import dev.nudge.settings.train.Rate;
import dev.nudge.settings.train.Schedule;
import dev.nudge.settings.train.Warmup;
import dev.nudge.tensor.Scope;
import dev.nudge.train.Trainer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Makes a run's whole optimiser steps on random, fully labelled tokens: of the model's own weights
/// if any train, else of LoRA.
public final class TrainingSteps implements AutoCloseable {
  public static final int RANK = 16;
  private static final double ALPHA = 32;
  private static final double RATE = 2e-4;
  private static final OptimizerSettings SETTINGS =
      new OptimizerSettings(
          new Rate(RATE),
          Schedule.CONSTANT,
          new Warmup(0),
          false,
          0,
          1,
          Optimizer.ADAMW,
          0.9,
          0.999,
          1e-8,
          null);

  private final Scope scope = Scope.open("bench adapter");
  private final @Nullable Adapters adapters; // null: the model's own weights train
  private final Trainer trainer;
  private final long workspaceBytes;
  private final int[] lengths;
  private final Clock clock;
  private final int lanes;
  private int made;

  /// @param sequences of `length` tokens in a step
  public TrainingSteps(
      CausalLm model, int threads, int lanes, int length, int sequences, Clock clock) {
    this(model, threads, lanes, length, sequences, clock, null);
  }

  /// @param level of all layers; null: the planner's choice
  public TrainingSteps(
      CausalLm model,
      int threads,
      int lanes,
      int length,
      int sequences,
      Clock clock,
      @Nullable Recompute level) {
    this.clock = clock;
    this.lanes = lanes;
    this.lengths = new int[sequences];
    Arrays.fill(lengths, length);
    model.reserve(length);
    this.adapters =
        model.parameters().isEmpty()
            ? Adapters.attach(
                model.modules(),
                Lora.of(RANK, ALPHA, Targets.parse(Targets.ALL_LINEAR)),
                1,
                model.backend().compute(),
                lanes,
                scope)
            : null;
    List<Parameter> parameters = model.parameters();
    long trained = parameters.stream().mapToLong(Parameter::elements).sum();
    Planner.Request wanted =
        new Planner.Request(
            threads,
            lanes,
            sequences,
            length,
            (long) length * sequences,
            false,
            Long.MAX_VALUE / 4,
            new WeightBytes(0, 0, 0, 0),
            trained,
            8 * trained,
            model.packed().kept(),
            0);
    Plan plan =
        level == null
            ? Planner.plan(model, wanted)
            : atLevel(model, Math.max(1, threads / lanes), lanes, length, level);
    this.workspaceBytes = plan.workspaceBytes();
    this.trainer =
        new Trainer(
            model,
            parameters,
            examples(model.config().vocabSize()),
            plan,
            SETTINGS,
            1,
            Path.of(""));
  }

  private static Plan atLevel(CausalLm model, int threads, int lanes, int length, Recompute level) {
    model.recompute(Collections.nCopies(model.layers(), level));
    DryPasses.TrainParts pass = model.measured().trainParts(length, length);
    return new Plan(
        model.backend().name(),
        1,
        lanes,
        threads,
        length,
        length,
        model.recompute(),
        Plan.Split.NONE,
        new Footprint(new WeightBytes(0, 0, 0, 0), 0, 0, 0, 0, 0, lanes, pass.peak(), pass, 0, 0),
        Caches.NONE,
        false);
  }

  private List<Example> examples(int vocabulary) {
    SplittableRandom random = new SplittableRandom(1);
    List<Example> examples = new ArrayList<>();
    for (int length : lengths) {
      examples.add(Example.of(random.ints(length, 0, vocabulary).toArray()));
    }
    return examples;
  }

  /// Returns a lane's workspace size.
  public long workspaceBytes() {
    return workspaceBytes;
  }

  public int[] lengths() {
    return lengths.clone();
  }

  public int tokens() {
    return Arrays.stream(lengths).sum();
  }

  public int labelled() {
    return tokens() - lengths.length;
  }

  /// Makes a step.
  ///
  /// @return seconds
  public double step() {
    double start = clock.lanes(lanes);
    Trainer.Result result =
        trainer.step(++made, IntStream.range(0, lengths.length).toArray(), RATE);
    if (made == 1) {
      trainer.settle();
    }
    double seconds = clock.lanes(lanes) - start;
    if (result.skipped() || result.trainedTokens() != labelled()) {
      throw new IllegalStateException("not a whole step: " + result);
    }
    return seconds;
  }

  /// Makes some steps.
  ///
  /// @return seconds of each
  public double[] steps(int count) {
    double[] seconds = new double[count];
    for (int i = 0; i < count; i++) {
      seconds[i] = step();
    }
    return seconds;
  }

  public static double median(List<Double> values) {
    return median(values.stream().mapToDouble(Double::doubleValue).toArray());
  }

  public static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int n = sorted.length;
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
  }

  @Override
  public void close() {
    trainer.close();
    if (adapters != null) {
      adapters.detach();
    }
    scope.close();
  }
}
