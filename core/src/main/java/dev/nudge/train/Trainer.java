package dev.nudge.train;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.data.Dataset;
import dev.nudge.data.Example;
import dev.nudge.data.Packing;
import dev.nudge.engine.Engine;
import dev.nudge.engine.Flat;
import dev.nudge.engine.Limits;
import dev.nudge.engine.RowScore;
import dev.nudge.engine.Scorer;
import dev.nudge.generate.Greedy;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.nn.Cut;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Share;
import dev.nudge.plan.Plan;
import dev.nudge.settings.OptimizerSettings;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.LaneGroup;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Malloc;
import dev.nudge.tensor.MappedFile;
import dev.nudge.tensor.Workspace;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Makes optimiser steps: the sequences of a step spread over lanes and micro-batches, one gradient
/// out of all, one update.
///
/// What each sequence counts is settled for the whole step by its [Objective] before the first
/// micro-batch, and gradients only add up. So the result does not depend on how the step is cut,
/// but for rounding. Sequences that would leave lanes without work are cut over all lanes, which
/// then begin the step with their parts of them.
///
/// Threading: one thread calls; lanes are the trainer's own.
public final class Trainer implements AutoCloseable {
  private final CausalLm model;
  private final List<Example> examples;
  private final int budget;
  private final int longest;
  private final long seed;
  private final Packing.Cost cost;
  private final Lanes lanes;
  private final List<Workspace> workspaces;
  private final Plan.Split split;
  private final LaneGroup laneGroup;
  private final ParameterGroup group;
  private final Objective objective;
  private final Queue<Runnable> opened = new ConcurrentLinkedQueue<>();
  private final int threadsPerLane;
  private Runnable beforeUpdate = () -> {};

  /// Says what an optimiser step gave.
  ///
  /// @param loss the objective's, before the update: of supervised fine-tuning the mean over the
  ///     trained tokens, each times its weight
  /// @param gradNorm before clipping
  /// @param skipped whether nothing was updated: loss or norm was not finite, or nothing was
  /// trained
  /// @param figures what the objective reports beside the loss
  public record Result(
      double loss,
      double gradNorm,
      long tokens,
      long trainedTokens,
      boolean skipped,
      Map<String, Double> figures) {}

  /// Trains by supervised fine-tuning.
  ///
  /// @param examples rows that steps name by their place
  /// @param pages folder for the files of what the plan pages
  public Trainer(
      CausalLm model,
      List<Parameter> parameters,
      List<Example> examples,
      Plan plan,
      OptimizerSettings settings,
      long seed,
      Path pages) {
    this(model, parameters, examples, plan, settings, seed, pages, Objective.SUPERVISED);
  }

  /// Trains by any objective; one that needs scores needs a plan by which rows are scored.
  public Trainer(
      CausalLm model,
      List<Parameter> parameters,
      List<Example> examples,
      Plan plan,
      OptimizerSettings settings,
      long seed,
      Path pages,
      Objective objective) {
    this.model = model;
    this.objective = objective;
    if (!plan.levels().isEmpty()) {
      model.recompute(plan.levels());
    }
    this.examples = examples;
    this.budget = plan.microBatchTokens();
    this.longest = plan.longest();
    this.split = plan.split();
    this.seed = seed;
    this.cost = Flat.cost(model);
    this.threadsPerLane = plan.threadsPerLane();
    this.lanes = new Lanes(plan.lanes());
    opened.add(lanes::close);
    try {
      this.workspaces = lanes.run(lane -> workspace(lane, plan, pages));
      this.laneGroup = new LaneGroup(plan.lanes(), split.sharedBytes());
      opened.add(laneGroup::close);
      this.group =
          new ParameterGroup(
              parameters,
              settings,
              model.backend().kernels(),
              lanes,
              plan.footprint().paged() > 0 ? pages : null);
      opened.add(group::close);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private Workspace workspace(int lane, Plan plan, Path pages) {
    long offloaded = plan.offloadedBytes();
    MappedFile file = offloaded == 0 ? null : MappedFile.create(pages, offloaded);
    Gemm gemm = model.backend().gemms().apply(plan.threadsPerLane());
    Workspace ws = new Workspace(lane, plan.workspaceBytes(), gemm, file);
    opened.add(ws::close);
    return ws;
  }

  /// Bytes of the optimiser's state for these parameters.
  public static long optimizerBytes(List<Parameter> parameters, OptimizerSettings settings) {
    return AdamWOptimizer.bytes(parameters, settings.optimizer());
  }

  /// Has memory that products free stay with the process until this trainer is closed. To be called
  /// once, when a step has compiled its products and nothing is loaded any more.
  public void settle() {
    opened.add(Malloc.keepBlocks()::close);
  }

  /// Has something done before an update changes the parameters: what reads them beside a step must
  /// have ended then.
  void beforeUpdates(Runnable work) {
    beforeUpdate = work;
  }

  /// What is trained.
  ParameterGroup group() {
    return group;
  }

  /// Makes one step on some rows.
  ///
  /// @param step number of the step, which seeds its dropout
  /// @param rows places in the examples
  public Result step(int step, int[] rows, double rate) {
    List<Example> sequences = IntStream.of(rows).mapToObj(examples::get).toList();
    long trained = sequences.stream().mapToLong(Example::trainedTokens).sum();
    long tokens = sequences.stream().mapToLong(Example::length).sum();
    Objective.Weights weights = weigh(sequences);
    double loss = gradients(step, rows, weights);
    double norm = group.reduce();
    boolean skipped = !Double.isFinite(loss) || !Double.isFinite(norm) || trained == 0;
    if (skipped) {
      group.skip();
    } else {
      beforeUpdate.run();
      group.update(rate, norm);
    }
    return new Result(loss, norm, tokens, trained, skipped, weights.figures());
  }

  /// Weighs the sequences of a step, scored first where the objective needs that.
  Objective.Weights weigh(List<Example> sequences) {
    if (!objective.needsScores()) {
      return objective.weigh(sequences, new double[0]);
    }
    Scorer.Scores scores = scorer().begin(sequences);
    scores.go(() -> false);
    return objective.weigh(sequences, scores.weighed());
  }

  private Scorer scorer() {
    return new Scorer(model, lanes, workspaces, Math.max(budget, longest)); // rows are scored whole
  }

  /// Adds the step's gradients to the parameters, lane by lane.
  ///
  /// @return the loss
  double gradients(int step, int[] rows, Objective.Weights weights) {
    int[] lengths = IntStream.of(rows).map(r -> examples.get(r).length()).toArray();
    Packing packing = Packing.of(lengths, lanes.count(), budget, cost, split.from());
    Dropout dropout = Dropout.of(seed, step);
    laneGroup.reset();
    List<Double> sums =
        lanes.run(
            lane -> {
              try {
                return together(packing, rows, weights, dropout, lane)
                    + alone(packing, rows, weights, dropout, lane);
              } catch (RuntimeException | Error e) {
                laneGroup.fail(e);
                throw e;
              }
            });
    double sum = 0;
    for (double s : sums) {
      sum += s;
    }
    return weights.loss() == null ? sum * weights.scale() : weights.loss();
  }

  /// The lane's parts of the sequences that all lanes work on.
  private double together(
      Packing packing, int[] rows, Objective.Weights weights, Dropout dropout, int lane) {
    double sum = 0;
    for (int position : packing.split()) {
      Batch whole = Flat.batch(List.of(position), rows, examples, weights.each());
      Share share = new Share(laneGroup.member(lane), Cut.of(whole.tokens(), lanes.count()));
      Batch part = whole.part(share.cut(), lane);
      sum += model.train(part, share, weights.scale(), dropout, workspaces.get(lane));
    }
    return sum;
  }

  /// The lane's own sequences.
  private double alone(
      Packing packing, int[] rows, Objective.Weights weights, Dropout dropout, int lane) {
    double sum = 0;
    for (List<Integer> microBatch : packing.lanes().get(lane)) {
      Batch batch = Flat.batch(microBatch, rows, examples, weights.each());
      sum += model.train(batch, weights.scale(), dropout, workspaces.get(lane));
    }
    return sum;
  }

  /// The mean loss on held-out rows, in nats a trained token.
  ///
  /// @param cancelled asked by lanes, between batches
  /// @return empty where it was cancelled
  public OptionalDouble evaluate(Dataset data, BooleanSupplier cancelled) {
    Scorer.Scores scores = scorer().begin(data.examples());
    if (cancelled.getAsBoolean() || !scores.go(cancelled)) {
      return OptionalDouble.empty();
    }
    double sum = 0;
    for (RowScore score : scores.rows()) {
      sum -= score.logprob();
    }
    return OptionalDouble.of(sum / data.trainedTokens());
  }

  /// Answers prompts with the likeliest tokens, all side by side; no number that trains changes.
  ///
  /// @param cancelled asked before each token
  /// @return the answers in the order of the prompts; null where it was cancelled
  @Nullable List<String> answer(
      SamplePrompts prompts, Tokenizer tokenizer, BooleanSupplier cancelled) {
    Limits limits = prompts.limits(model, lanes.count() * threadsPerLane);
    NamedAdapters none = new NamedAdapters(model.modules(), model.backend().compute());
    try (Engine engine = new Engine(model, none, limits)) {
      return Greedy.answers(
          engine, model, tokenizer, prompts.asked(), prompts.turnEnd(), cancelled);
    }
  }

  @Override
  public void close() {
    opened.forEach(Runnable::run);
    opened.clear();
  }
}
