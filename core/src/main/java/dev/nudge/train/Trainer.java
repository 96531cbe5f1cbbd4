package dev.nudge.train;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.collective.Collective;
import dev.nudge.data.Dataset;
import dev.nudge.data.tokens.Example;
import dev.nudge.engine.Engine;
import dev.nudge.engine.Limits;
import dev.nudge.engine.Scorer;
import dev.nudge.generate.Decoding;
import dev.nudge.model.CausalLm;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Parameter;
import dev.nudge.plan.Plan;
import dev.nudge.settings.train.OptimizerSettings;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.tensor.Malloc;
import dev.nudge.text.Tokenizer;
import dev.nudge.train.lanes.GradientLanes;
import dev.nudge.train.lanes.Order;
import dev.nudge.train.objective.Objective;
import dev.nudge.train.objective.SamplePrompts;
import dev.nudge.train.optimizer.AdamWOptimizer;
import dev.nudge.train.optimizer.ParameterGroup;
import dev.nudge.train.replay.BaseDivergence;
import dev.nudge.train.replay.Replay;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Queue;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
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
  static final String AUX_LOSS = "aux_loss";

  private final CausalLm model;
  private final List<Example> examples;
  private final Plan plan;
  private final long seed;
  private final GradientLanes gradients;
  private final Collective ranks;
  private final ParameterGroup group;
  private final Objective objective;
  private ReferenceSums reference = ReferenceSums.NONE;
  private @Nullable BaseDivergence replay;
  private double @Nullable [] earlier; // scores of the first step on this batch
  private double[] latest = {}; // scores
  private final Queue<Runnable> opened = new ArrayDeque<>();
  private Runnable beforeUpdate = () -> {};

  /// The result of an optimiser step.
  ///
  /// @param loss before the update, by the objective; in supervised fine-tuning the weighted mean
  ///     over the labelled tokens
  /// @param gradNorm before clipping
  /// @param skipped whether there was no update: loss or norm was not finite, or no token was
  ///     labelled
  /// @param figures metrics besides the loss
  /// @param experts tokens per expert; null: the model has none
  public record Result(
      double loss,
      double gradNorm,
      long tokens,
      long trainedTokens,
      boolean skipped,
      Map<String, Double> figures,
      @Nullable ExpertUse experts) {}

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

  /// A trainer for any objective; objectives with scores need a plan that scores rows.
  public Trainer(
      CausalLm model,
      List<Parameter> parameters,
      List<Example> examples,
      Plan plan,
      OptimizerSettings settings,
      long seed,
      Path pages,
      Objective objective) {
    this(
        model,
        new GradientLanes(model, plan, pages, Collective.ALONE),
        true,
        Collective.ALONE,
        parameters,
        examples,
        plan,
        settings,
        seed,
        pages,
        objective);
  }

  /// A trainer on lanes that other trainers may share.
  ///
  /// @param own whether the lanes are closed with this trainer
  /// @param ranks processes whose lanes share each step, this being the first
  Trainer(
      CausalLm model,
      GradientLanes gradients,
      boolean own,
      Collective ranks,
      List<Parameter> parameters,
      List<Example> examples,
      Plan plan,
      OptimizerSettings settings,
      long seed,
      Path pages,
      Objective objective) {
    this.model = model;
    this.gradients = gradients;
    this.ranks = ranks;
    this.objective = objective;
    model.temperature(objective.temperature());
    this.examples = examples;
    this.plan = plan;
    this.seed = seed;
    if (own) {
      opened.add(gradients::close);
    }
    try {
      this.group =
          new ParameterGroup(
              parameters,
              settings,
              model.backend().kernels(),
              gradients.lanes(),
              plan.footprint().paged() > 0 ? pages : null);
      opened.add(group::close);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
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
    PendingStep asked = ask(step, rows, 0);
    return update(asked, gradients.add(asked.work()), rate);
  }

  /// A step without gradients yet.
  ///
  /// @param step its number
  record PendingStep(int step, GradientLanes.Work work) {}

  /// Begins a step: weighs its sequences.
  ///
  /// @param adapter bank number of the trained adapter, if gradients are computed with others'
  PendingStep ask(int step, int[] rows, int adapter) {
    List<Example> sequences = IntStream.of(rows).mapToObj(examples::get).toList();
    return ask(step, sequences, reference.ofStep(step, rows), adapter);
  }

  /// Begins a step on any sequences.
  ///
  /// @param compared reference log-probabilities, if the objective needs them
  PendingStep ask(int step, List<Example> sequences, double[] compared) {
    return ask(step, sequences, compared, 0);
  }

  private PendingStep ask(int step, List<Example> sequences, double[] compared, int adapter) {
    boolean first = step % objective.iterations() == 0;
    Objective.Weights weights = weigh(sequences, compared, first ? null : earlier);
    earlier = first ? latest : earlier;
    return new PendingStep(step, work(step, sequences, weights, adapter));
  }

  private GradientLanes.Work work(
      int step, List<Example> sequences, Objective.Weights weights, int adapter) {
    return new GradientLanes.Work(
        adapter, sequences, weights, starts(sequences), Dropout.of(seed, step), plan);
  }

  /// Where the weights of a sequence's tokens begin; null: a sequence has one weight.
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

  /// Adds the gradients of a step of this trainer alone.
  ///
  /// @return the loss
  double gradients(PendingStep asked) {
    return gradients.add(asked.work());
  }

  /// Ends a step whose gradients were added.
  Result update(PendingStep asked, double loss, double rate) {
    List<Example> sequences = asked.work().sequences();
    long trained = sequences.stream().mapToLong(Example::trainedTokens).sum();
    long tokens = sequences.stream().mapToLong(Example::length).sum();
    Map<String, Double> figures = new LinkedHashMap<>(asked.work().weights().figures());
    if (model.balance() > 0) {
      figures.put(AUX_LOSS, gradients.auxLoss() / sequences.size());
    }
    ExpertUse experts = experts();
    if (experts != null) {
      figures.putAll(experts.figures());
    }
    double kl = 0;
    if (replay != null) {
      kl = replay.add(asked.step());
      figures.put(REPLAY_KL, kl);
    }
    double norm = group.reduce(ranks);
    boolean skipped = !Double.isFinite(loss + kl) || !Double.isFinite(norm) || trained == 0;
    if (skipped) {
      Order.tell(ranks, new Order.Skip());
      group.skip();
    } else {
      Order.tell(ranks, new Order.Update(rate, norm));
      beforeUpdate.run();
      group.update(rate, norm);
    }
    return new Result(loss, norm, tokens, trained, skipped, figures, experts);
  }

  /// The expert use of the last step; null: the model has none.
  private @Nullable ExpertUse experts() {
    if (!model.config().hasExperts()) {
      return null;
    }
    return new ExpertUse(model.config().chosenExperts(), gradients.experts(), null);
  }

  /// Sends the other ranks the parameters and moments, before the first step.
  void shareState() {
    if (ranks.ranks() > 1) {
      Order.tell(ranks, new Order.State(group.updates()));
      group.share(ranks, group.updates());
    }
  }

  /// Lets the other ranks end, after the last step.
  void dismiss() {
    Order.tell(ranks, new Order.End());
  }

  /// Sets the reference's log-probabilities, before the first step.
  void measureAgainst(ReferenceSums sums) {
    reference = sums;
  }

  /// Sets the rows on which the model stays near the base, before the first step.
  ///
  /// @param bare runs a job with the adapter off
  void replay(Replay rows, Consumer<Runnable> bare) {
    replay =
        new BaseDivergence(
            rows, model, gradients.lanes(), gradients.workspaces(), plan.microBatchTokens(), bare);
  }

  /// Asks the objective for the sequence weights of a step, scoring the sequences first if needed.
  ///
  /// @param reference log-probabilities by the reference, if the objective needs them
  public Objective.Weights weigh(List<Example> sequences, double[] reference) {
    return weigh(sequences, reference, null);
  }

  /// @param before scores of the first step on this batch; null: this is the first
  public Objective.Weights weigh(
      List<Example> sequences, double[] reference, double @Nullable [] before) {
    if (!objective.needsScores()) {
      return objective.weigh(Objective.Scored.of(sequences));
    }
    Scorer.Scores scores = scorer().begin(compared(sequences), objective::countsText);
    scores.go(() -> false);
    latest = found(scores);
    return objective.weigh(
        new Objective.Scored(sequences, latest, scores.texts(), reference, before));
  }

  /// The rewards of sequences by the current reward model.
  double[] rewards(List<Example> sequences) {
    Scorer.Scores scores = scorer().begin(sequences);
    scores.go(() -> false);
    return scores.weighed();
  }

  /// Threads that decoding may use between steps.
  int threads() {
    return plan.lanes() * plan.threadsPerLane();
  }

  private double[] found(Scorer.Scores scores) {
    return objective.tokenwise() ? scores.tokens() : scores.weighed();
  }

  /// The sequences of a step and of [Objective#beside].
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
    int budget = Math.max(plan.microBatchTokens(), plan.longest()); // rows are scored whole
    return new Scorer(model, gradients.lanes(), gradients.workspaces(), budget, plan.branches());
  }

  /// Accumulates the step's gradients into the parameters, lane by lane.
  ///
  /// @return the loss
  public double gradients(int step, List<Example> sequences, Objective.Weights weights) {
    return gradients.add(work(step, sequences, weights, 0));
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

  /// The mean of the losses of rows over their labelled tokens.
  static double mean(double[] losses, Dataset data) {
    double sum = 0;
    for (double loss : losses) {
      sum += loss;
    }
    return sum / data.trainedTokens();
  }

  /// The loss of each held-out row, in nats, summed over its labelled tokens.
  ///
  /// @param cancelled asked by lanes, between batches
  /// @return empty if it was cancelled
  Optional<double[]> losses(Dataset data, BooleanSupplier cancelled) {
    Scorer.Scores scores = scorer().begin(data.examples());
    if (cancelled.getAsBoolean() || !scores.go(cancelled)) {
      return Optional.empty();
    }
    return Optional.of(scores.rows().stream().mapToDouble(row -> -row.logprob()).toArray());
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
