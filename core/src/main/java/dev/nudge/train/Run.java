package dev.nudge.train;

import static java.util.Objects.requireNonNull;

import dev.nudge.data.Dataset;
import dev.nudge.format.OutFolder;
import dev.nudge.machine.ProcessMemory;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Makes one run, from loading the model to the last file: the training loop.
///
/// Threading: confined to the thread that runs it; lanes are the trainer's.
final class Run implements AutoCloseable {
  private static final int SAVES = 10; // in a run
  private static final long LONGEST_UNSAVED_NANOS = 600_000_000_000L; // ten minutes

  private final Prepared prepared;
  private final Consumer<TrainEvent> events;
  private final Deque<Runnable> closing = new ArrayDeque<>(); // the last opened first
  private final Tuning tuning;
  private final Trainer trainer;
  private final RunFolder folder;
  private final Metrics metrics;
  private final RunIdentity identity;
  private final RunDigests digests;
  private final Instant startedAt = Instant.now().truncatedTo(ChronoUnit.MILLIS);
  private final String id = RunId.at(startedAt);
  private final long started = System.nanoTime();

  private int made;
  private long tokens;
  private long trainedTokens;
  private final SkippedSteps skipped = new SkippedSteps();
  private double firstLoss = Double.NaN;
  private double lastLoss = Double.NaN;
  private @Nullable Double evalBefore;
  private @Nullable Double evalBest;
  private int bestStep;
  private int updates;
  private boolean unsaved; // an update since the last save
  private int saves;
  private @Nullable Integer savedStep;
  private final LongSupplier clock; // nanoseconds, for the time since the last save
  private long savedAt;
  private boolean saving;
  private boolean diverged;
  private boolean interrupted;

  Run(Prepared prepared, Consumer<TrainEvent> events, LongSupplier clock) {
    this.prepared = prepared;
    this.events = events;
    this.clock = clock;
    this.savedAt = clock.getAsLong();
    var settings = prepared.settings();
    try {
      Scope scope = Scope.open("parameters");
      closing.push(scope::close);
      this.tuning = Tuning.load(prepared, scope);
      closing.push(tuning::close);
      this.trainer =
          new Trainer(
              tuning.model(),
              tuning.parameters(),
              prepared.data().examples(),
              prepared.plan(),
              settings.optimizer(),
              settings.loop().seed(),
              requireNonNull(OutFolder.existing(settings.output().out())));
      closing.push(trainer::close);
      this.digests = new RunDigests(prepared);
      this.folder = RunFolder.create(settings);
      closing.push(folder::close);
      this.metrics = new Metrics(folder::path);
      this.identity = new RunIdentity(prepared);
      closing.push(identity::close);
    } catch (RuntimeException | Error e) {
      closeAfter(e);
      throw e;
    }
  }

  /// Runs to the end, or until `cancelled` or an interrupt of this thread, which is interrupted
  /// again when all is saved.
  RunResult go(BooleanSupplier cancelled) {
    try {
      return run(cancelled);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private RunResult run(BooleanSupplier cancelled) {
    prepared.warnings().forEach(line -> events.accept(new TrainEvent.Warning(line)));
    if (folder.beginsAnew()) {
      events.accept(
          new TrainEvent.Planned(
              "earlier    a run in %s ended before it saved anything; this one begins anew"
                  .formatted(prepared.settings().output().out())));
    }
    prepared.rows().forEach(line -> events.accept(new TrainEvent.Planned(line)));
    prepared.lines().forEach(line -> events.accept(new TrainEvent.Planned(line)));
    RunResult result;
    try {
      write(RunState.RUNNING);
      Uninterrupted.run(() -> folder.copyTokenizer(prepared));
      RunState state = loop(cancelled);
      if (updates > 0) {
        save(); // an adapter that learned nothing is none
      }
      result = write(state);
    } catch (RuntimeException | Error e) {
      failed(e);
      throw e;
    }
    if (evalBefore != null && evalBest != null && evalBest > evalBefore) {
      events.accept(
          new TrainEvent.Warning(
              "the lowest held-out loss, %.4f, is above the one before training, %.4f"
                  .formatted(evalBest, evalBefore)));
    }
    events.accept(
        new TrainEvent.Finished(result.state(), made, trainedTokens, result.seconds(), evalBest));
    return result;
  }

  private RunState loop(BooleanSupplier cancelled) {
    var settings = prepared.settings();
    LearningRate rate = LearningRate.of(settings.optimizer(), prepared.steps());
    evaluate(cancelled);
    while (made < prepared.steps()) {
      noteInterrupt();
      if (interrupted || cancelled.getAsBoolean()) {
        return RunState.STOPPED;
      }
      step(rate.at(made));
      identity.begin();
      if (skipped.tooMany()) {
        throw ended();
      }
      if (evaluatesAfter(made)) {
        evaluate(cancelled);
      }
      if (savesAfter(made)) {
        save();
        write(RunState.RUNNING);
      }
    }
    if (updates == 0) {
      throw ended();
    }
    return RunState.FINISHED;
  }

  /// Why the steps that were skipped end the run.
  private RunException ended() {
    if (updates == 0) {
      return skipped.nothingMade(prepared.backend().compute() != Dtype.BF16);
    }
    diverged = true;
    return skipped.diverged(
        saves > 0 || saveable(), prepared.settings().optimizer().maxGradNorm() > 0);
  }

  /// Makes the next step.
  private void step(double rate) {
    long start = System.nanoTime();
    Trainer.Result r = trainer.step(made, prepared.batches().step(made), rate);
    double seconds = seconds(start);
    noteInterrupt();
    made++;
    if (made == 1) {
      trainer.settle();
    }
    skipped.take(r);
    tokens += r.tokens();
    trainedTokens += r.trainedTokens();
    TrainEvent.Step event =
        new TrainEvent.Step(
            made,
            prepared.steps(),
            r.skipped() ? Double.NaN : r.loss(),
            rate,
            r.gradNorm(),
            r.tokens(),
            r.trainedTokens(),
            seconds,
            r.tokens() / seconds,
            ProcessMemory.rssAnonMb());
    metrics.step(event);
    events.accept(event);
    if (r.skipped()) {
      events.accept(
          new TrainEvent.Warning("step " + made + " is skipped: " + SkippedSteps.reason(r)));
    } else {
      updates++;
      unsaved = true;
      firstLoss = Double.isNaN(firstLoss) ? r.loss() : firstLoss;
      lastLoss = r.loss();
    }
  }

  /// Keeps an interrupt for later: a channel that an interrupted thread writes to is closed.
  private void noteInterrupt() {
    interrupted |= Thread.interrupted();
  }

  private boolean evaluatesAfter(int steps) {
    Integer every = prepared.settings().eval().evalSteps();
    boolean due = every == null ? prepared.batches().endsEpoch(steps - 1) : steps % every == 0;
    return due || steps == prepared.steps();
  }

  private boolean savesAfter(int steps) {
    if (!unsaved || skipped.isLast() || steps == prepared.steps()) {
      return false; // what gave no number is not saved over what did; the end saves by itself
    }
    Integer every = prepared.settings().output().saveSteps();
    return every == null
        ? steps % Math.ceilDiv(prepared.steps(), SAVES) == 0
            || clock.getAsLong() - savedAt >= LONGEST_UNSAVED_NANOS
        : steps % every == 0;
  }

  /// Computes the held-out loss, and keeps what is the best; one that is cancelled on the way was
  /// never made.
  private void evaluate(BooleanSupplier cancelled) {
    if (prepared.held() == null) {
      return;
    }
    OptionalDouble loss = trainer.evaluate(prepared.held(), cancelled);
    noteInterrupt();
    if (loss.isPresent()) {
      evaluated(loss.getAsDouble());
    }
  }

  private void evaluated(double loss) {
    Dataset held = requireNonNull(prepared.held());
    boolean best = made > 0 && Double.isFinite(loss) && (evalBest == null || loss < evalBest);
    if (made == 0) {
      evalBefore = loss;
    }
    if (best) {
      evalBest = loss;
      bestStep = made;
      save(false);
      write(RunState.RUNNING);
    }
    TrainEvent.Evaluated event = new TrainEvent.Evaluated(made, loss, held.trainedTokens(), best);
    metrics.evaluated(event);
    events.accept(event);
  }

  /// Saves what trains as it stands, where that is not done yet: as the run's own, or beside the
  /// best. A run that has diverged leaves what was saved before as its own.
  private void save() {
    if (unsaved || saves == 0) {
      if (!tuning.isFinite()) {
        diverged = true;
        throw new RunException(
            "the update of step %d made numbers that are not finite; %s; lower --learning-rate"
                .formatted(made, SkippedSteps.kept(saves > 0)));
      }
      save(evalBest != null || (diverged && saves > 0));
    }
  }

  private void save(boolean last) {
    saving = true;
    Consumer<Path> writing =
        growing -> {
          identity.write(growing);
          tuning.write(growing);
          if (last) {
            prepared.tokens().tokenizer().writeOwn(growing);
          }
        };
    Uninterrupted.run(
        () -> {
          if (last) {
            folder.saveLast(writing);
          } else {
            folder.save(writing);
          }
        });
    saving = false;
    unsaved = false;
    saves++;
    savedStep = made;
    savedAt = clock.getAsLong();
    events.accept(
        new TrainEvent.Saved(last ? folder.path().resolve(RunFolder.LAST) : folder.path()));
  }

  /// Whether there is something to save that is worth it where the run fails: an old run in its
  /// place is worth more.
  private boolean saveable() {
    return unsaved && !saving && !folder.replacesAnother() && !trainer.torn() && tuning.isFinite();
  }

  private void failed(Throwable cause) {
    try {
      if (saveable()) {
        save();
      }
      write(RunState.FAILED);
    } catch (RuntimeException | Error e) {
      cause.addSuppressed(e); // the disk or the memory may be what failed
    }
  }

  private RunResult write(RunState state) {
    RunResult result =
        new RunResult(
            state,
            id,
            folder.path(),
            made,
            skipped.count(),
            tokens,
            trainedTokens,
            seconds(started),
            finite(firstLoss),
            finite(lastLoss),
            evalBefore,
            evalBest,
            evalBest == null ? null : bestStep);
    Map<String, @Nullable Object> run = new LinkedHashMap<>();
    run.put("id", id);
    run.put("started", startedAt.toString());
    run.put("state", state.name().toLowerCase(java.util.Locale.ROOT));
    run.put(EarlierRun.PLANNED_STEPS, prepared.steps());
    run.put(EarlierRun.SAVED_STEP, savedStep);
    run.put("settings", prepared.settings().values());
    run.put("plan", prepared.plan().values());
    Map<String, @Nullable Object> known = identity.digests();
    Uninterrupted.run(() -> known.putAll(digests.values(state, folder.path())));
    run.put(RunDigests.KEY, known);
    run.putAll(identity.values());
    run.put("trained_parameters", prepared.count().trained());
    run.put("all_parameters", prepared.count().all());
    run.put("versions", Map.of("nudge", version(), "java", Runtime.version().toString()));
    run.put("machine", prepared.machine().name());
    Map<String, @Nullable Object> totals = result.totals();
    totals.put("cost", prepared.settings().cost(result.seconds()));
    run.put("totals", totals);
    Uninterrupted.run(() -> folder.write(run));
    return result;
  }

  private static String version() {
    String version = Run.class.getPackage().getImplementationVersion();
    return version == null ? "unknown" : version;
  }

  private static @Nullable Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }

  private static double seconds(long since) {
    return (System.nanoTime() - since) / 1e9;
  }

  /// Closes everything that the run opened, also where closing something fails; the last failure
  /// is thrown.
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
