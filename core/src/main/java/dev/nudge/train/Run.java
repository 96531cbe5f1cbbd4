package dev.nudge.train;

import static java.util.Objects.requireNonNull;

import dev.nudge.collective.Collective;
import dev.nudge.data.Dataset;
import dev.nudge.data.tokens.Example;
import dev.nudge.format.OutFolder;
import dev.nudge.machine.ProcessMemory;
import dev.nudge.model.CausalLm;
import dev.nudge.settings.DivergedException;
import dev.nudge.settings.train.OnDivergence;
import dev.nudge.settings.train.ReferenceModel;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.train.checkpoint.BackgroundWriter;
import dev.nudge.train.checkpoint.Resumed;
import dev.nudge.train.checkpoint.RunCheckpoint;
import dev.nudge.train.checkpoint.RunCheckpoints;
import dev.nudge.train.events.DivergenceCheck;
import dev.nudge.train.events.PhaseEvent;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.StepEvent;
import dev.nudge.train.events.TrainEvent;
import dev.nudge.train.lanes.GradientLanes;
import dev.nudge.train.lanes.Order;
import dev.nudge.train.objective.GroupRelative;
import dev.nudge.train.objective.Objective;
import dev.nudge.train.optimizer.LearningRate;
import dev.nudge.train.replay.Replay;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Executes one run, from loading the model to the last file: the training loop. [RunSaver] saves
/// the trained weights; [RunReport] emits events and writes metrics.
///
/// Threading: confined to the thread that runs it; the trainer owns the lanes.
final class Run implements AutoCloseable {
  private final Prepared prepared;
  private final Deque<Runnable> closing = new ArrayDeque<>(); // the last opened first
  private final @Nullable Resumed resumed;
  private final RunCounts counts;
  private final DivergenceCheck divergence;
  private final PreferenceCheck preferences;
  private final RouterCheck routers;
  private final BackgroundWriter behind;
  private final Tuning tuning;
  private final Trainer trainer;
  private final RunFolder folder;
  private final RunIdentity identity;
  private final RunReport report;
  private final RunSaver saver;
  private final String id;
  private final LearningRate rates;
  private final @Nullable Rollouts rollouts;
  private List<Example> sampled = List.of(); // of the present batch
  private double[] sampledReference = {};

  private BiConsumer<double[], Boolean> heldListener = (losses, best) -> {};
  private boolean stopped;
  private long stepStart;
  private StepEvent recorded = StepEvent.started();
  private TrainEvent.@Nullable Diverged diverges; // the first sign of it
  private boolean interrupted;
  private BooleanSupplier cancelled = () -> false;

  /// A group's shared parts.
  ///
  /// @param model without an adapter between the passes
  record GroupModel(CausalLm model, GradientLanes gradients) {}

  /// A run alone.
  ///
  /// @param clock nanoseconds, for the time between saves
  Run(Prepared prepared, Consumer<TrainEvent> events, LongSupplier clock) {
    this(prepared, null, events, clock);
  }

  /// @param shared null: a model and lanes of its own
  Run(
      Prepared prepared,
      @Nullable GroupModel shared,
      Consumer<TrainEvent> events,
      LongSupplier clock) {
    this.prepared = prepared;
    this.rates = LearningRate.of(prepared.settings().optimizer(), prepared.steps());
    this.resumed = prepared.schedule().resumed();
    RunCheckpoint checkpoint = resumed == null ? null : resumed.found().checkpoint();
    RunStart start = RunStart.of(prepared, checkpoint);
    this.id = start.id();
    this.counts = checkpoint == null ? RunCounts.none() : RunCounts.of(checkpoint);
    var settings = prepared.settings();
    this.behind =
        new BackgroundWriter(
            settings.output().out(),
            Duration.ofSeconds(settings.output().diskWait()),
            this::warn,
            () -> cancelled.getAsBoolean());
    this.divergence = new DivergenceCheck(settings, prepared.steps());
    this.preferences = new PreferenceCheck(prepared);
    Collective ranks = shared == null ? prepared.machine().peers() : Collective.ALONE;
    this.routers = RouterCheck.of(prepared.config(), prepared.steps());
    try (PhaseEvent _ = PhaseEvent.of("load", counts.steps())) {
      if (ranks.ranks() > 1) {
        Order.tell(ranks, Follower.start(prepared));
      }
      Scope scope = Scope.open("parameters");
      closing.push(scope::close);
      this.tuning =
          shared == null
              ? Tuning.load(prepared, scope)
              : Tuning.on(shared.model(), prepared, scope);
      closing.push(tuning::close);
      Path pages = requireNonNull(OutFolder.existing(settings.output().out()));
      this.trainer =
          new Trainer(
              tuning.model(),
              shared == null
                  ? new GradientLanes(tuning.model(), prepared.plan(), pages, ranks)
                  : shared.gradients(),
              shared == null,
              ranks,
              tuning.parameters(),
              prepared.data().examples(),
              prepared.plan(),
              settings.optimizer().ofUpdates(settings.objective().objective()),
              settings.loop().seed(),
              pages,
              prepared.goal().objective());
      closing.push(trainer::close);
      this.rollouts =
          prepared.goal().rewards() == null ? null : new Rollouts(prepared, tuning, trainer);
      Replay replay = prepared.goal().replay();
      if (replay != null) {
        trainer.replay(replay, tuning::bare);
      }
      RunDigests digests = new RunDigests(prepared);
      this.folder = RunFolder.create(settings, resumed != null);
      closing.push(folder::close);
      this.identity = new RunIdentity(prepared);
      closing.push(identity::close);
      this.report =
          new RunReport(
              prepared, events, start, counts, divergence, identity, digests, folder, behind);
      this.saver =
          new RunSaver(
              prepared, tuning, trainer.group(), folder, identity, counts, report, behind, clock);
      trainer.beforeUpdates(saver::await);
      if (resumed != null && checkpoint != null) {
        trainer.group().read(resumed.found().state(), checkpoint.optimizerUpdates());
        if (prepared.goal().objective().needsReference()) {
          trainer.measureAgainst(ReferenceSums.read(folder.path(), id, prepared));
        }
        saver.goOn(resumed.step());
        report.goOn(resumed, step -> watch(step, told -> {}));
      }
    } catch (RuntimeException | Error e) {
      closeAfter(e);
      throw e;
    }
  }

  private void warn(String line) {
    report.tell(new TrainEvent.Warning(line));
  }

  /// Runs to the end, or until `cancelled` returns true or this thread is interrupted; the
  /// interrupt flag is set again after the last save.
  RunResult go(BooleanSupplier cancelled) {
    try {
      begin(cancelled);
      while (goesOn()) {
        Trainer.PendingStep asked = ask(0);
        take(asked, gradients(asked));
      }
      return end();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /// Begins the run. If this method, or one for another part of the run, throws, the run has
  /// failed, and its unsaved progress is saved if worthwhile.
  void begin(BooleanSupplier cancelled) {
    this.cancelled = () -> interrupted || cancelled.getAsBoolean();
    report.introduce();
    orFail(
        () -> {
          report.begin(saver.savedStep());
          if (resumed != null) {
            again(resumed);
          } else if (prepared.goal().objective().needsReference() && !measureReference()) {
            stopped = true;
          } else {
            evaluate();
          }
          trainer.shareState();
        });
  }

  private void orFail(Runnable part) {
    try {
      part.run();
    } catch (RuntimeException | Error e) {
      failed(e);
      throw e;
    }
  }

  /// Whether there is a next step.
  boolean goesOn() {
    if (stopped || counts.steps() >= prepared.steps() || counts.endsEarly(prepared)) {
      return false;
    }
    noteInterrupt();
    stepStart = System.nanoTime();
    stopped =
        betweenBatches() && (cancelled.getAsBoolean() || rollouts != null && !sample(rollouts));
    return !stopped;
  }

  /// Whether the next step is the first on its batch.
  private boolean betweenBatches() {
    return counts.steps() % prepared.goal().objective().iterations() == 0;
  }

  /// Samples completions for the next steps.
  ///
  /// @return false if it was cancelled
  private boolean sample(Rollouts from) {
    boolean[] done = new boolean[1];
    orFail(() -> done[0] = sampleBatch(from));
    return done[0];
  }

  private boolean sampleBatch(Rollouts from) {
    int step = counts.steps();
    Rollouts.Batch batch;
    try (PhaseEvent _ = PhaseEvent.of("sample", step)) {
      batch = from.sample(step / prepared.goal().objective().iterations(), cancelled);
    }
    noteInterrupt();
    if (batch == null) {
      return false;
    }
    sampled = batch.sequences();
    if (prepared.settings().objective().hasReference()) {
      sampledReference = from.reference(sampled);
    }
    report.sampled(step + 1, batch);
    return true;
  }

  /// Ends the run before its last step.
  void stop() {
    stopped = counts.steps() < prepared.steps();
  }

  /// Saves unsaved weights, and writes the result.
  RunResult end() {
    boolean keeps = prepared.settings().output().keep() != null;
    RunResult[] made = new RunResult[1];
    orFail(
        () -> {
          trainer.dismiss();
          if (!stopped && counts.updates() == 0) {
            throw ended();
          }
          RunState state = stopped || counts.evaluationDue() ? RunState.STOPPED : RunState.FINISHED;
          if (counts.updates() > 0) { // an untrained adapter is not saved
            saver.save(state != RunState.FINISHED || keeps);
          }
          saver.await();
          made[0] = report.write(state, saver.savedStep());
        });
    RunResult result = made[0];
    if (result.state() == RunState.FINISHED && !keeps) {
      behind.unimportant(() -> RunCheckpoints.clear(folder.path()));
    }
    report.ended(result);
    return result;
  }

  /// Sets the listener for the loss of each held-out row at an evaluation, and for whether the mean
  /// is a new lowest.
  void hearHeld(BiConsumer<double[], Boolean> listener) {
    heldListener = listener;
  }

  /// The loss of each held-out row now, which does not count as an evaluation of the run; empty if
  /// it was cancelled.
  Optional<double[]> heldOutNow() {
    return trainer.losses(requireNonNull(prepared.held()), cancelled);
  }

  /// Whether an evaluation of the run has found a lowest held-out loss.
  boolean hasBest() {
    return counts.bestStep() != null;
  }

  /// Steps made.
  int steps() {
    return counts.steps();
  }

  Tuning tuning() {
    return tuning;
  }

  /// Whether this thread was interrupted during the run.
  boolean interrupted() {
    return interrupted;
  }

  /// Adds the gradients of a step of this run alone.
  ///
  /// @return the loss
  double gradients(Trainer.PendingStep asked) {
    double[] loss = new double[1];
    orFail(() -> loss[0] = trainer.gradients(asked));
    return loss[0];
  }

  private void failed(Throwable cause) {
    behind.hurry();
    try {
      if (betweenBatches()) {
        saver.rescue();
      }
    } catch (RuntimeException | Error e) {
      cause.addSuppressed(e); // disk or memory may have failed
    }
    TrainEvent.Failed told = TrainEvent.Failed.of(counts.steps(), cause);
    report.failed(told);
    try {
      report.write(RunState.FAILED, saver.savedStep());
    } catch (RuntimeException | Error e) {
      cause.addSuppressed(e);
    }
    try {
      report.tell(told);
    } catch (RuntimeException | Error e) {
      cause.addSuppressed(e); // the listener may have failed
    }
  }

  /// Computes the reference's log-probabilities, and keeps them.
  ///
  /// @return false if it was cancelled
  private boolean measureReference() {
    Optional<ReferenceSums> sums;
    try (PhaseEvent _ = PhaseEvent.of("reference", 0)) {
      Supplier<Optional<ReferenceSums>> scoring =
          () -> ReferenceSums.score(prepared, trainer, report::tell, cancelled);
      sums = prepared.reference() == ReferenceModel.BASE ? bare(scoring) : scoring.get();
    }
    noteInterrupt();
    if (sums.isEmpty()) {
      return false;
    }
    behind.now(() -> sums.get().write(folder.path(), id));
    trainer.measureAgainst(sums.get());
    return true;
  }

  private <T> T bare(Supplier<T> work) {
    List<T> made = new ArrayList<>();
    tuning.bare(() -> made.add(work.get()));
    return made.getFirst();
  }

  /// Evaluates and saves between steps, if due.
  private void afterStep() {
    counts.evaluationDue(prepared.evaluatesAfter(counts.steps()));
    boolean best = counts.evaluationDue() && evaluate();
    if (best) {
      saver.save(true, true);
    } else if (betweenBatches() && saver.isDue()) {
      saver.save(true);
    }
  }

  /// Repeats work missing after a resumed run's checkpoint: its save, the best adapter if a later
  /// one has overwritten it, and a held-out loss that was due.
  private void again(Resumed from) {
    checkDiverged();
    Integer best = counts.bestStep();
    if (!from.found().torn().isEmpty() && best != null && best < from.step()) {
      RunCheckpoints.Found older = RunCheckpoints.at(folder.path(), best);
      if (older != null) {
        saver.saveAgain(older, from.found());
      }
    }
    saver.save(counts.isBest(), false);
    if (counts.evaluationDue()) {
      afterStep();
    }
  }

  /// The error of a run that ends because of skipped steps.
  private DivergedException ended() {
    if (counts.updates() == 0) {
      return counts.skipped().nothingMade(prepared.backend().compute() != Dtype.BF16);
    }
    saver.diverged();
    boolean clips = prepared.settings().optimizer().maxGradNorm() > 0;
    return counts.skipped().diverged(saver.leavesSome(), clips);
  }

  /// Ends a diverging run if the settings ask for it.
  private void checkDiverged() {
    TrainEvent.Diverged sign = diverges;
    if (prepared.settings().watch().onDivergence() == OnDivergence.STOP && sign != null) {
      saver.diverged();
      throw new DivergedException(
          sign.line() + "; " + SkippedSteps.kept(saver.leavesSome()) + " (--on-divergence stop)");
    }
  }

  /// Passes a step to the divergence check.
  private void watch(TrainEvent.Step step, Consumer<TrainEvent> told) {
    TrainEvent.Diverged sign =
        prepared.goal().objective() instanceof GroupRelative && Double.isFinite(step.loss())
            ? null // group losses are near 0 and their gradients vanish in any case
            : divergence.take(step.step(), step.loss(), step.gradNorm(), step.trainedTokens());
    if (sign != null) {
      diverges = diverges == null ? sign : diverges;
      told.accept(sign);
    }
    preferences
        .take(step.step(), step.figures())
        .forEach(line -> told.accept(new TrainEvent.Warning(line)));
    routers
        .take(step.step(), step.tokens(), step.figures())
        .forEach(line -> told.accept(new TrainEvent.Warning(line)));
  }

  /// Begins the next step.
  ///
  /// @param adapter its number in the bank of a group
  Trainer.PendingStep ask(int adapter) {
    recorded = StepEvent.started();
    int at = counts.steps();
    Trainer.PendingStep[] asked = new Trainer.PendingStep[1];
    orFail(
        () ->
            asked[0] =
                rollouts == null
                    ? trainer.ask(
                        at, prepared.data().places(prepared.schedule().batches().step(at)), adapter)
                    : trainer.ask(at, sampled, sampledReference));
    return asked[0];
  }

  /// Ends the step whose gradients were added, and evaluates or saves if due.
  void take(Trainer.PendingStep asked, double loss) {
    orFail(
        () -> {
          step(asked, loss);
          identity.begin();
          if (counts.skipped().tooMany()) {
            throw ended();
          }
          checkDiverged();
          afterStep();
        });
  }

  private void step(Trainer.PendingStep asked, double loss) {
    int at = asked.step();
    double rate = rates.at(at);
    Trainer.Result r = trainer.update(asked, loss, rate);
    double seconds = RunStart.since(stepStart);
    noteInterrupt();
    saver.await(); // a skipped step has not waited
    counts.take(r);
    if (at == (resumed == null ? 0 : resumed.step())) {
      trainer.settle();
    }
    TrainEvent.Step event =
        new TrainEvent.Step(
            counts.steps(),
            prepared.steps(),
            r.skipped() ? Double.NaN : r.loss(),
            rate,
            r.gradNorm(),
            r.tokens(),
            r.trainedTokens(),
            seconds,
            r.tokens() / seconds,
            ProcessMemory.rssAnonMb(),
            r.figures());
    recorded.end(event);
    report.step(event);
    if (r.skipped()) {
      warn("step " + counts.steps() + " is skipped: " + SkippedSteps.reason(r));
    }
    watch(event, report::tell);
  }

  /// Remembers and clears an interrupt: it would close the channels that this thread writes to.
  private void noteInterrupt() {
    interrupted |= Thread.interrupted();
  }

  /// Computes the held-out loss, if there are held-out rows, and answers the sample prompts; a
  /// cancelled evaluation counts as not made.
  ///
  /// @return whether the loss is the lowest
  private boolean evaluate() {
    Dataset held = prepared.held();
    if (held == null) {
      return false;
    }
    long start = System.nanoTime();
    Optional<Objective.Weights> found;
    double[][] rows = new double[1][];
    List<String> answers;
    try (PhaseEvent _ = PhaseEvent.of("evaluate", counts.steps())) {
      found = heldOut(held, rows);
      answers =
          found.isEmpty()
              ? null
              : trainer.answer(
                  prepared.inputs().samples(), prepared.inputs().tokens().tokenizer(), cancelled);
    }
    noteInterrupt();
    if (found.isEmpty() || answers == null) {
      return false;
    }
    saver.await();
    double loss = requireNonNull(found.get().loss());
    boolean best = counts.evaluated(loss);
    if (rows[0] != null) {
      heldListener.accept(rows[0], best);
    }
    List<TrainEvent.Sampled> sampled = new ArrayList<>();
    for (int i = 0; i < answers.size(); i++) {
      sampled.add(
          new TrainEvent.Sampled(
              counts.steps(), prepared.inputs().samples().text(i), answers.get(i)));
    }
    report.evaluated(
        new TrainEvent.Evaluated(
            counts.steps(),
            loss,
            held.trainedTokens(),
            best,
            RunStart.since(start),
            found.get().figures()),
        sampled);
    return best;
  }

  /// The loss and the figures of the held-out rows; empty if it was cancelled.
  ///
  /// @param rows receives the loss of each row, if rows have losses
  private Optional<Objective.Weights> heldOut(Dataset held, double[][] rows) {
    if (rollouts != null) {
      Rollouts.Batch batch = rollouts.heldOut(held.examples(), cancelled);
      return batch == null ? Optional.empty() : Optional.of(reward(batch.sequences()));
    }
    if (prepared.goal().objective() instanceof GroupRelative groups) {
      return trainer
          .losses(held, cancelled)
          .map(losses -> groups.heldOut(held.examples(), losses))
          .map(loss -> new Objective.Weights(1, null, null, loss, Map.of()));
    }
    if (prepared.goal().objective().needsScores()) {
      return trainer.compare(held, prepared.settings().loop().batchSize(), cancelled);
    }
    return trainer
        .losses(held, cancelled)
        .map(
            losses -> {
              rows[0] = losses;
              double loss = Trainer.mean(losses, held);
              return new Objective.Weights(1, null, null, loss, Map.of());
            });
  }

  /// The mean reward of held-out prompts; the loss is its negative.
  private static Objective.Weights reward(List<Example> sequences) {
    double mean =
        sequences.stream()
            .mapToDouble(Example::value)
            .filter(Double::isFinite)
            .average()
            .orElse(Double.NaN);
    double tokens = sequences.stream().mapToInt(Example::trainedTokens).average().orElse(0);
    return new Objective.Weights(
        1,
        null,
        null,
        -mean,
        Map.of(GroupRelative.REWARD, mean, GroupRelative.COMPLETION_TOKENS, tokens));
  }

  /// Closes all resources of the run, even if closing one fails; the last failure is thrown.
  @Override
  public void close() {
    if (!closing.isEmpty()) {
      try {
        closing.pop().run();
      } finally {
        close();
      }
    }
  }

  private void closeAfter(Throwable cause) {
    try {
      close();
    } catch (RuntimeException | Error e) {
      cause.addSuppressed(e);
    }
  }
}
