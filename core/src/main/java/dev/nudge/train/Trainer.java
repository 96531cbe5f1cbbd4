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
import dev.nudge.generate.Decoding;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.nn.Balance;
import dev.nudge.nn.Cut;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Share;
import dev.nudge.plan.Plan;
import dev.nudge.settings.OptimizerSettings;
import dev.nudge.settings.SamplingSettings;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.LaneGroup;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Malloc;
import dev.nudge.tensor.MappedFile;
import dev.nudge.tensor.Workspace;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Makes optimiser steps. Each distributes its sequences over lanes and micro-batches, accumulates
/// gradients, and updates the parameters once.
///
/// The [Objective] sets the weight of each sequence for the whole step before the first
/// micro-batch, and gradients are only summed. So the result does not depend on micro-batches and
/// lanes, but for rounding. Sequences that would leave lanes idle are cut over all lanes (context
/// parallelism), which compute their parts first.
///
/// Threading: one thread calls; the trainer owns the lanes.
public final class Trainer implements AutoCloseable {
  static final String REPLAY_KL = "replay_kl";
  private static final String AUX_LOSS = "aux_loss";

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
  private ReferenceSums reference = ReferenceSums.NONE;
  private @Nullable BaseDivergence replay;
  private double @Nullable [] earlier; // scores of the first step on this batch
  private double[] latest = {}; // scores
  private final Queue<Runnable> opened = new ConcurrentLinkedQueue<>();
  private final int threadsPerLane;
  private final double[] loads; // of lanes: sums of the routers' losses of a step
  private Runnable beforeUpdate = () -> {};

  /// The result of an optimiser step.
  ///
  /// @param loss before the update, by the objective; in supervised fine-tuning the weighted mean
  ///     over the labelled tokens
  /// @param gradNorm before clipping
  /// @param skipped whether there was no update: loss or norm was not finite, or no token was
  ///     labelled
  /// @param figures metrics of the objective besides the loss
  public record Result(
      double loss,
      double gradNorm,
      long tokens,
      long trainedTokens,
      boolean skipped,
      Map<String, Double> figures) {}

  /// A trainer for supervised fine-tuning.
  ///
  /// @param examples rows, which steps select by index
  /// @param pages folder for the files that the plan pages out
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

  /// A trainer for any objective; one that needs scores needs a plan in which rows are scored.
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
    model.temperature(objective.temperature());
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
    this.loads = new double[plan.lanes()];
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

  /// Keeps freed native memory in the process until this trainer is closed. Call it once, after the
  /// first step, when nothing is loaded any more.
  public void settle() {
    opened.add(Malloc.keepBlocks()::close);
  }

  /// Sets a callback that runs before each update; it must wait for everything that still reads the
  /// parameters, such as a save.
  void beforeUpdates(Runnable work) {
    beforeUpdate = work;
  }

  /// The trained parameters with their optimiser.
  ParameterGroup group() {
    return group;
  }

  /// Makes one optimiser step.
  ///
  /// @param step number of the step, which seeds dropout
  /// @param rows indices into the examples
  public Result step(int step, int[] rows, double rate) {
    List<Example> sequences = IntStream.of(rows).mapToObj(examples::get).toList();
    return step(step, sequences, reference.ofStep(step, rows), rate);
  }

  /// Makes one optimiser step on any sequences.
  ///
  /// @param compared what the reference gives them, if the objective needs that
  Result step(int step, List<Example> sequences, double[] compared, double rate) {
    boolean first = step % objective.iterations() == 0;
    long trained = sequences.stream().mapToLong(Example::trainedTokens).sum();
    long tokens = sequences.stream().mapToLong(Example::length).sum();
    Objective.Weights weights = weigh(sequences, compared, first ? null : earlier);
    earlier = first ? latest : earlier;
    double loss = gradients(step, sequences, weights);
    Map<String, Double> figures = new LinkedHashMap<>(weights.figures());
    if (model.balance() > 0) {
      figures.put(AUX_LOSS, DoubleStream.of(loads).sum() / sequences.size());
    }
    double kl = 0;
    if (replay != null) {
      kl = replay.add(step);
      figures.put(REPLAY_KL, kl);
    }
    double norm = group.reduce();
    boolean skipped = !Double.isFinite(loss + kl) || !Double.isFinite(norm) || trained == 0;
    if (skipped) {
      group.skip();
    } else {
      beforeUpdate.run();
      group.update(rate, norm);
    }
    return new Result(loss, norm, tokens, trained, skipped, figures);
  }

  /// Sets the reference's log-probabilities, before the first step.
  void measureAgainst(ReferenceSums sums) {
    reference = sums;
  }

  /// Sets the rows on which the model stays near the base, before the first step.
  ///
  /// @param bare runs something with the adapter off
  void replay(Replay rows, Consumer<Runnable> bare) {
    replay = new BaseDivergence(rows, model, lanes, workspaces, budget, bare);
  }

  /// Asks the objective for the sequence weights of a step, scoring the sequences first if needed.
  ///
  /// @param reference log-probabilities by the reference, if the objective needs them
  Objective.Weights weigh(List<Example> sequences, double[] reference) {
    return weigh(sequences, reference, null);
  }

  /// @param before scores of the first step on this batch; null: this is the first
  Objective.Weights weigh(List<Example> sequences, double[] reference, double @Nullable [] before) {
    if (!objective.needsScores()) {
      return objective.weigh(Objective.Scored.of(sequences));
    }
    Scorer.Scores scores = scorer().begin(compared(sequences), objective::countsText);
    scores.go(() -> false);
    latest = found(scores);
    return objective.weigh(
        new Objective.Scored(sequences, latest, scores.texts(), reference, before));
  }

  /// The rewards of sequences, by the reward model that the model is now.
  double[] rewards(List<Example> sequences) {
    Scorer.Scores scores = scorer().begin(sequences);
    scores.go(() -> false);
    return scores.weighed();
  }

  /// Threads that decoding may use between steps.
  int threads() {
    return lanes.count() * threadsPerLane;
  }

  private double[] found(Scorer.Scores scores) {
    return objective.tokenwise() ? scores.tokens() : scores.weighed();
  }

  /// The sequences of a step and what is scored beside them.
  private List<Example> compared(List<Example> sequences) {
    List<Example> all = new ArrayList<>(sequences);
    all.addAll(objective.beside(sequences));
    return all;
  }

  /// The log-probabilities of sequences, or of their tokens if the objective weighs these, by the
  /// current weights; empty if it was cancelled.
  ///
  /// @param cancelled asked by lanes, between batches
  Optional<double[]> logprobs(List<Example> sequences, BooleanSupplier cancelled) {
    Scorer.Scores scores = scorer().begin(sequences);
    boolean done = !cancelled.getAsBoolean() && scores.go(cancelled);
    return done ? Optional.of(found(scores)) : Optional.empty();
  }

  private Scorer scorer() {
    return new Scorer(model, lanes, workspaces, Math.max(budget, longest)); // rows are scored whole
  }

  /// Accumulates the step's gradients into the parameters, lane by lane.
  ///
  /// @return the loss
  double gradients(int step, List<Example> sequences, Objective.Weights weights) {
    Weighed rows = new Weighed(sequences, weights, starts(sequences));
    int[] lengths = sequences.stream().mapToInt(Example::length).toArray();
    Packing packing = Packing.of(lengths, lanes.count(), budget, cost, split.from());
    Dropout dropout = Dropout.of(seed, step);
    laneGroup.reset();
    List<Double> sums =
        lanes.run(
            lane -> {
              try {
                return together(packing, rows, dropout, lane) + alone(packing, rows, dropout, lane);
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

  /// The sequences of a step and what they weigh.
  ///
  /// @param starts of their tokens' weights; null: a sequence has one
  @SuppressWarnings("ArrayRecordComponent") // made and read, never compared
  private record Weighed(
      List<Example> sequences, Objective.Weights weights, int @Nullable [] starts) {
    Batch batch(List<Integer> positions, boolean rewards) {
      int[] all = IntStream.range(0, sequences.size()).toArray();
      return rewards
          ? Flat.lasts(positions, all, sequences, weights.each())
          : Flat.counted(
              positions, all, sequences, new Flat.Factors(weights.each(), weights.texts(), starts));
    }
  }

  private int @Nullable [] starts(List<Example> sequences) {
    if (!objective.tokenwise()) {
      return null;
    }
    int[] starts = new int[sequences.size()];
    for (int i = 1; i < starts.length; i++) {
      starts[i] = starts[i - 1] + sequences.get(i - 1).trainedTokens();
    }
    return starts;
  }

  /// Trains a lane's parts of the sequences that are cut over all lanes.
  private double together(Packing packing, Weighed rows, Dropout dropout, int lane) {
    double sum = 0;
    for (int position : packing.split()) {
      Batch whole = rows.batch(List.of(position), model.givesRewards());
      Share share = new Share(laneGroup.member(lane), Cut.of(whole.tokens(), lanes.count()));
      Batch part = whole.part(share.cut(), lane);
      sum += model.train(part, share, rows.weights().scale(), dropout, null, workspaces.get(lane));
    }
    return sum;
  }

  /// Trains the lane's own sequences.
  private double alone(Packing packing, Weighed rows, Dropout dropout, int lane) {
    double sum = 0;
    loads[lane] = 0;
    for (List<Integer> microBatch : packing.lanes().get(lane)) {
      Batch batch = rows.batch(microBatch, model.givesRewards());
      double balance = model.balance() / rows.sequences().size();
      Balance load = balance > 0 ? new Balance(balance) : null;
      Workspace ws = workspaces.get(lane);
      sum += model.train(batch, null, rows.weights().scale(), dropout, load, ws);
      loads[lane] += load == null ? 0 : load.loss();
    }
    return sum;
  }

  /// The held-out loss of the objective, with its figures: the mean over blocks of as many rows as
  /// a step has, in their order, each counted by its rows.
  ///
  /// @param batchSize rows of a block
  /// @param cancelled asked by lanes, between batches
  /// @return empty if it was cancelled
  Optional<Objective.Weights> compare(Dataset held, int batchSize, BooleanSupplier cancelled) {
    List<Example> examples = held.examples();
    int block = batchSize * held.sequencesPerRow();
    Map<String, double[]> sums = new LinkedHashMap<>(); // of a figure, and the rows that have it
    double loss = 0;
    for (int from = 0; from < examples.size(); from += block) {
      if (cancelled.getAsBoolean()) {
        return Optional.empty();
      }
      int to = Math.min(examples.size(), from + block);
      Objective.Weights weights = weigh(examples.subList(from, to), reference.ofHeld(from, to));
      loss += (to - from) * Objects.requireNonNull(weights.loss());
      int count = to - from;
      weights.figures().forEach((name, figure) -> add(sums, name, figure, count));
    }
    Map<String, Double> figures = new LinkedHashMap<>();
    sums.forEach((name, sum) -> figures.put(name, sum[0] / sum[1]));
    return Optional.of(new Objective.Weights(1, null, null, loss / examples.size(), figures));
  }

  private static void add(Map<String, double[]> sums, String name, double figure, int count) {
    double[] sum = sums.computeIfAbsent(name, _ -> new double[2]);
    if (!Double.isNaN(figure)) {
      sum[0] += count * figure;
      sum[1] += count;
    }
  }

  /// The mean held-out loss, in nats per labelled token.
  ///
  /// @param cancelled asked by lanes, between batches
  /// @return empty if it was cancelled
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

  /// Answers the sample prompts by greedy decoding, batched; parameters do not change.
  ///
  /// @param cancelled asked before each token
  /// @return the answers in the order of the prompts; null if cancelled
  @Nullable List<String> answer(
      SamplePrompts prompts, Tokenizer tokenizer, BooleanSupplier cancelled) {
    Limits limits = prompts.limits(model, threads());
    NamedAdapters none = new NamedAdapters(model.modules(), model.backend().compute());
    try (Engine engine = new Engine(model, none, limits)) {
      return answered(
          Decoding.answers(
              engine,
              model,
              tokenizer,
              prompts.asked(),
              SamplingSettings.greedy(),
              prompts.turnEnd(),
              cancelled));
    }
  }

  private static @Nullable List<String> answered(@Nullable List<Decoding.Answer> answers) {
    return answers == null ? null : answers.stream().map(Decoding.Answer::text).toList();
  }

  @Override
  public void close() {
    opened.forEach(Runnable::run);
    opened.clear();
  }
}
