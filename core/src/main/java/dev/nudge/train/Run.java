package dev.nudge.train;

import static java.util.Objects.requireNonNull;

import dev.nudge.data.Dataset;
import dev.nudge.format.OutFolder;
import dev.nudge.machine.ProcessMemory;
import dev.nudge.settings.RunException;
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
import org.jspecify.annotations.Nullable;

/// Makes one run, from loading the model to the last file: the training loop.
///
/// Threading: confined to the thread that runs it; lanes are the trainer's.
final class Run implements AutoCloseable {
  private static final int MOST_SKIPPED = 10; // in a row

  private final Prepared prepared;
  private final Consumer<TrainEvent> events;
  private final Deque<Runnable> closing = new ArrayDeque<>(); // the last opened first
  private final Tuning tuning;
  private final Trainer trainer;
  private final RunFolder folder;
  private final Metrics metrics;
  private final RunIdentity identity;
  private final String id = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
  private final long started = System.nanoTime();

  private int made;
  private long tokens;
  private long trainedTokens;
  private int skipped;
  private double firstLoss = Double.NaN;
  private double lastLoss = Double.NaN;
  private @Nullable Double evalBefore;
  private @Nullable Double evalBest;
  private int bestStep;
  private boolean bestIsLast;
  private boolean interrupted;

  Run(Prepared prepared, Consumer<TrainEvent> events) {
    this.prepared = prepared;
    this.events = events;
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
      // what an earlier run left goes only now that everything is loaded
      this.folder = RunFolder.create(settings);
      this.metrics = new Metrics(folder.path());
      closing.push(metrics::close);
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
    prepared.lines().forEach(line -> events.accept(new TrainEvent.Planned(line)));
    RunState state;
    Map<String, @Nullable Object> record;
    try {
      write(RunState.RUNNING);
      Uninterrupted.run(() -> folder.copyTokenizer(prepared.settings().model().model()));
      state = loop(cancelled);
      save();
      record = write(state);
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
    events.accept(new TrainEvent.Finished(state, made, trainedTokens, seconds(started), evalBest));
    return new RunResult(state, record);
  }

  private RunState loop(BooleanSupplier cancelled) {
    var settings = prepared.settings();
    LearningRate rate =
        new LearningRate(
            settings.optimizer().schedule(),
            settings.optimizer().learningRate(),
            settings.optimizer().warmup().steps(prepared.steps()),
            prepared.steps());
    evaluate(cancelled);
    int skippedInARow = 0;
    while (made < prepared.steps()) {
      noteInterrupt();
      if (interrupted || cancelled.getAsBoolean()) {
        return RunState.STOPPED;
      }
      boolean fine = step(rate.at(made));
      identity.begin();
      skippedInARow = fine ? 0 : skippedInARow + 1;
      if (skippedInARow == MOST_SKIPPED) {
        save();
        throw new RunException(
            "the loss was not finite for "
                + MOST_SKIPPED
                + " steps in a row; the best so far is kept; lower --learning-rate");
      }
      if (evaluatesAfter(made)) {
        evaluate(cancelled);
      }
    }
    return RunState.FINISHED;
  }

  /// Makes the next step.
  ///
  /// @return whether its numbers are finite; a step with nothing to train is skipped and fine
  private boolean step(double rate) {
    long start = System.nanoTime();
    Trainer.Result r = trainer.step(made, prepared.batches().step(made), rate);
    double seconds = seconds(start);
    noteInterrupt();
    made++;
    if (made == 1) {
      trainer.settle();
    }
    bestIsLast = false;
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
      skipped++;
      events.accept(
          new TrainEvent.Warning(
              "step "
                  + made
                  + " is skipped: "
                  + (r.trainedTokens() == 0
                      ? "nothing is left to train in its rows"
                      : "its loss or gradient is not a finite number")));
    } else {
      firstLoss = Double.isNaN(firstLoss) ? r.loss() : firstLoss;
      lastLoss = r.loss();
    }
    return !r.skipped() || r.trainedTokens() == 0;
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
      bestIsLast = true;
      save(folder.path());
    }
    TrainEvent.Evaluated event = new TrainEvent.Evaluated(made, loss, held.trainedTokens(), best);
    metrics.evaluated(event);
    events.accept(event);
  }

  /// Saves what trains as it stands: as the run's own, or beside the best.
  private void save() {
    if (evalBest == null) {
      save(folder.path());
    } else if (!bestIsLast) {
      save(folder.path().resolve(RunFolder.LAST));
    }
  }

  private void save(Path where) {
    Uninterrupted.run(
        () -> {
          tuning.save(where);
          identity.write(where);
        });
    events.accept(new TrainEvent.Saved(where));
  }

  private void failed(Throwable cause) {
    try {
      write(RunState.FAILED);
    } catch (RuntimeException e) {
      cause.addSuppressed(e); // the disk may be what failed
    }
  }

  private Map<String, @Nullable Object> write(RunState state) {
    Map<String, @Nullable Object> totals = new LinkedHashMap<>();
    totals.put("steps", made);
    totals.put("skipped_steps", skipped);
    totals.put("tokens", tokens);
    totals.put("trained_tokens", trainedTokens);
    totals.put("seconds", seconds(started));
    totals.put("first_loss", finite(firstLoss));
    totals.put("last_loss", finite(lastLoss));
    totals.put("eval_loss_before", evalBefore);
    totals.put("eval_loss_best", evalBest);
    totals.put("best_step", evalBest == null ? null : bestStep);
    Map<String, @Nullable Object> run = new LinkedHashMap<>();
    run.put("id", id);
    run.put("state", state.name().toLowerCase(java.util.Locale.ROOT));
    run.put("settings", RunFolder.plain(prepared.settings()));
    run.put("plan", prepared.plan().values());
    run.put("trained_parameters", prepared.count().trained());
    run.put("all_parameters", prepared.count().all());
    run.put("versions", Map.of("nudge", version(), "java", Runtime.version().toString()));
    run.put("machine", prepared.machine().name());
    run.put("totals", totals);
    Uninterrupted.run(() -> folder.write(run));
    return run;
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

  /// Closes everything that the run opened, also where closing something fails; the first failure
  /// is thrown.
  @Override
  public void close() {
    RuntimeException failure = null;
    while (!closing.isEmpty()) {
      try {
        closing.pop().run();
      } catch (RuntimeException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  private void closeAfter(Throwable cause) {
    try {
      close();
    } catch (RuntimeException e) {
      cause.addSuppressed(e);
    }
  }
}
