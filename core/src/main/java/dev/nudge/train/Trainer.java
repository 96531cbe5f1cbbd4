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
import java.util.OptionalDouble;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Makes optimiser steps: the sequences of a step spread over lanes and micro-batches, one gradient
/// out of all, one update.
///
/// The loss of a step is the sum over its trained tokens divided by their number, over the whole
/// step; a token that weighs more or less than 1 counts that much in the sum. Since that number is
/// known before the first micro-batch, every part is weighted with it and gradients only add up. So
/// the result does not depend on how the step is cut, but for rounding. Sequences that would leave
/// lanes without work are cut over all lanes, which then begin the step with their parts of them.
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
  private final LaneGroup group;
  private final AdamWOptimizer optimizer;
  private final Queue<Runnable> opened = new ConcurrentLinkedQueue<>();
  private final TrainedState state;
  private final int threadsPerLane;
  private Runnable beforeUpdate = () -> {};
  private boolean torn;

  /// Says what an optimiser step gave.
  ///
  /// @param loss mean over the trained tokens, each times its weight, before the update
  /// @param gradNorm before clipping
  /// @param skipped whether nothing was updated: loss or norm was not finite, or nothing was
  /// trained
  public record Result(
      double loss, double gradNorm, long tokens, long trainedTokens, boolean skipped) {}

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
    this.model = model;
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
      this.group = new LaneGroup(plan.lanes(), split.sharedBytes());
      opened.add(group::close);
      this.optimizer =
          new AdamWOptimizer(
              parameters,
              settings,
              model.backend().kernels(),
              lanes,
              plan.footprint().paged() > 0 ? pages : null);
      opened.add(optimizer::close);
      this.state = new TrainedState(parameters, optimizer);
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

  /// Writes all numbers that updates change into a file; never during one.
  void write(Path file) {
    state.write(file);
  }

  /// Puts back what [#write] wrote.
  ///
  /// @param updates that were made until then
  /// @throws dev.nudge.settings.InputException where the file is of other parameters
  void read(Path file, long updates) {
    state.read(file, model.backend().kernels());
    optimizer.goOn(updates);
  }

  /// Updates that the optimiser has made.
  long updates() {
    return optimizer.updates();
  }

  /// Makes one step on some rows.
  ///
  /// @param step number of the step, which seeds its dropout
  /// @param rows places in the examples
  public Result step(int step, int[] rows, double rate) {
    int[] lengths = IntStream.of(rows).map(r -> examples.get(r).length()).toArray();
    long trained = IntStream.of(rows).mapToLong(r -> examples.get(r).trainedTokens()).sum();
    long tokens = IntStream.of(lengths).asLongStream().sum();
    double loss = gradients(step, rows, lengths, trained);
    double norm = optimizer.reduce();
    boolean skipped = !Double.isFinite(loss) || !Double.isFinite(norm) || trained == 0;
    if (skipped) {
      optimizer.clear();
    } else {
      beforeUpdate.run();
      torn = true;
      optimizer.apply(rate, norm);
      torn = false;
    }
    return new Result(loss, norm, tokens, trained, skipped);
  }

  /// Whether an update failed on its way, so that some parameters have moved and some have not.
  boolean torn() {
    return torn;
  }

  /// Adds the step's gradients to the parameters, lane by lane.
  ///
  /// @return the mean loss
  double gradients(int step, int[] rows, int[] lengths, long trained) {
    Packing packing = Packing.of(lengths, lanes.count(), budget, cost, split.from());
    Dropout dropout = Dropout.of(seed, step);
    double weight = 1.0 / Math.max(1, trained);
    group.reset();
    List<Double> sums =
        lanes.run(
            lane -> {
              try {
                return together(packing, rows, weight, dropout, lane)
                    + alone(packing, rows, weight, dropout, lane);
              } catch (RuntimeException | Error e) {
                group.fail(e);
                throw e;
              }
            });
    double sum = 0;
    for (double s : sums) {
      sum += s;
    }
    return sum * weight;
  }

  /// The lane's parts of the sequences that all lanes work on.
  private double together(Packing packing, int[] rows, double weight, Dropout dropout, int lane) {
    double sum = 0;
    for (int position : packing.split()) {
      Batch whole = Flat.batch(List.of(position), rows, examples);
      Share share = new Share(group.member(lane), Cut.of(whole.tokens(), lanes.count()));
      Batch part = whole.part(share.cut(), lane);
      sum += model.train(part, share, weight, dropout, workspaces.get(lane));
    }
    return sum;
  }

  /// The lane's own sequences.
  private double alone(Packing packing, int[] rows, double weight, Dropout dropout, int lane) {
    double sum = 0;
    for (List<Integer> microBatch : packing.lanes().get(lane)) {
      sum +=
          model.train(
              Flat.batch(microBatch, rows, examples), weight, dropout, workspaces.get(lane));
    }
    return sum;
  }

  /// The mean loss on held-out rows, in nats a trained token.
  ///
  /// @param cancelled asked by lanes, between batches
  /// @return empty where it was cancelled
  public OptionalDouble evaluate(Dataset data, BooleanSupplier cancelled) {
    int room = Math.max(budget, longest); // rows are scored whole
    Scorer.Scores scores = new Scorer(model, lanes, workspaces, room).begin(data.examples());
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
