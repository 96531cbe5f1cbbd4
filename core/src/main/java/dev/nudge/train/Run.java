package dev.nudge.train;

import static java.util.Objects.requireNonNull;

import dev.nudge.data.Dataset;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.machine.ProcessMemory;
import dev.nudge.settings.InputException;
import dev.nudge.settings.OnDivergence;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Makes one run, from loading the model to the last file: the training loop.
///
/// What it saves is written beside the next step, which changes no number before that is done: so
/// writing takes none of the run's time as long as it takes less than a forward and a backward
/// pass, and a checkpoint needs no copy of what it holds.
///
/// A checkpoint is written before the adapter that it explains, so whatever a kill leaves, the
/// latest checkpoint is at least as late as all else, and the run makes the rest once more.
///
/// Threading: confined to the thread that runs it; lanes are the trainer's.
final class Run implements AutoCloseable {
  private final Prepared prepared;
  private final Consumer<TrainEvent> events; // the log among them
  private final Deque<Runnable> closing = new ArrayDeque<>(); // the last opened first
  private final Tuning tuning;
  private final Trainer trainer;
  private final RunFolder folder;
  private final Metrics metrics;
  private final Samples samples;
  private final Divergence divergence;
  private final RunIdentity identity;
  private final RunDigests digests;
  private final Instant startedAt;
  private final String id;
  private final long started = System.nanoTime();
  private final double secondsBefore; // a run that goes on has had some
  private final Consumer<TrainEvent> told;
  private final EventLog log;
  private final RunCheckpoint.Place here;
  private final RunCounts counts;
  private final @Nullable RunCheckpoint resumed;
  private final Behind behind;

  private boolean evaluated = true; // what is due after this step
  private int savedUpdates;
  private final Deque<Runnable> lines = new ArrayDeque<>(); // of what is counted, not written yet
  private int saves;
  private @Nullable Integer savedStep;
  private final SavePace pace;
  private @Nullable Save saving; // that is being written
  private boolean unwritable; // the disk has refused one
  private boolean diverged; // so what trains is worth less than what was saved
  private TrainEvent.@Nullable Diverged diverges; // the first sign of it
  private boolean interrupted;
  private BooleanSupplier cancelled = () -> false;

  /// What is being written.
  ///
  /// @param last whether it goes beside the best
  private record Save(int step, int updates, boolean last) {}

  private void tell(TrainEvent event) {
    log.accept(event);
    told.accept(event);
  }

  private boolean unsaved() {
    return counts.updates() > savedUpdates;
  }

  /// @param clock nanoseconds, for the time between saves
  Run(Prepared prepared, Consumer<TrainEvent> events, LongSupplier clock) {
    this.prepared = prepared;
    this.events = this::tell;
    this.told = events;
    this.pace = new SavePace(prepared.plan().footprint().stateBytes(), clock);
    Resumed from = prepared.resumed();
    this.resumed = from == null ? null : from.found().checkpoint();
    this.counts = resumed == null ? RunCounts.none() : RunCounts.of(resumed.counts());
    this.startedAt =
        resumed == null
            ? prepared.at().truncatedTo(ChronoUnit.MILLIS)
            : Instant.parse(resumed.started());
    this.id = resumed == null ? RunId.at(startedAt) : resumed.run();
    this.secondsBefore = resumed == null ? 0 : resumed.seconds();
    this.here = Resumed.place(prepared.backend());
    var settings = prepared.settings();
    this.behind =
        new Behind(
            settings.output().out(),
            Duration.ofSeconds(settings.output().diskWait()),
            line -> tell(new TrainEvent.Warning(line)),
            () -> cancelled.getAsBoolean());
    this.divergence = new Divergence(settings, prepared.steps());
    try (PhaseEvent _ = PhaseEvent.of("load", counts.steps())) {
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
      trainer.beforeUpdates(this::awaitSave);
      this.digests = new RunDigests(prepared);
      this.folder = RunFolder.create(settings, from != null);
      closing.push(folder::close);
      this.log = new EventLog(folder::path);
      this.metrics = new Metrics(folder::path);
      this.samples = new Samples(folder::path);
      if (from != null) {
        goOn(from);
      }
      this.identity = new RunIdentity(prepared);
      closing.push(identity::close);
    } catch (RuntimeException | Error e) {
      closeAfter(e);
      throw e;
    }
  }

  /// Brings everything to where a checkpoint left it.
  private void goOn(Resumed from) {
    RunCheckpoint checkpoint = from.found().checkpoint();
    trainer.read(from.found().state(), checkpoint.optimizerUpdates());
    evaluated = checkpoint.evaluated();
    saves = 1;
    savedStep = from.step();
    savedUpdates = counts.updates();
    checkWhole(metrics.goOn(checkpoint.metricsBytes()), RunFolder.METRICS, from);
    checkWhole(samples.goOn(checkpoint.samplesBytes()), RunFolder.SAMPLES, from);
    RunCheckpoints.removeAfter(folder.path(), from.step());
    metrics.steps(s -> watch(s, told -> {}));
  }

  /// Refuses a file that has lost lines that a checkpoint knows.
  private void checkWhole(boolean whole, String file, Resumed from) {
    if (!whole) {
      throw new InputException(
          "%s has fewer lines than the run had written by step %d; put it back, or --overwrite to begin anew"
              .formatted(folder.path().resolve(file), from.step()));
    }
  }

  /// Runs to the end, or until `cancelled` or an interrupt of this thread, which is interrupted
  /// again when all is saved.
  RunResult go(BooleanSupplier cancelled) {
    this.cancelled = () -> interrupted || cancelled.getAsBoolean();
    try {
      return run();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private RunResult run() {
    prepared.warnings().forEach(line -> events.accept(new TrainEvent.Warning(line)));
    if (folder.beginsAnew()) {
      events.accept(
          new TrainEvent.Planned(
              "earlier    a run in %s ended before it saved anything; this one begins anew"
                  .formatted(prepared.settings().output().out())));
    }
    events.accept(started());
    prepared.rows().forEach(line -> events.accept(new TrainEvent.Planned(line)));
    prepared.summary().forEach(line -> events.accept(new TrainEvent.Planned(line)));
    prepared.layout().forEach(line -> events.accept(new TrainEvent.Layout(line)));
    RunResult result;
    try {
      write(RunState.RUNNING); // first: by it the folder is known as a run's
      log.open();
      if (resumed == null) {
        behind.now(metrics::begin);
      }
      behind.now(() -> folder.copyTokenizer(prepared));
      RunState state = loop();
      if (counts.updates() > 0) {
        save(
            state != RunState.FINISHED
                || prepared.settings().output().keep()
                    != null); // an adapter that learned nothing is none
      }
      awaitSave();
      result = write(state);
    } catch (RuntimeException | Error e) {
      failed(e);
      throw e;
    }
    if (result.state() == RunState.FINISHED && prepared.settings().output().keep() == null) {
      unimportant(() -> RunCheckpoints.clear(folder.path()));
    }
    Double before = counts.evalBefore();
    Double best = counts.evalBest();
    if (before != null && best != null && best > before) {
      events.accept(
          new TrainEvent.Warning(
              "the lowest held-out loss, %.4f, is above the one before training, %.4f"
                  .formatted(best, before)));
    }
    events.accept(
        new TrainEvent.Finished(
            result.state(),
            counts.steps(),
            counts.trainedTokens(),
            result.seconds(),
            best,
            early()
                ? counts.sinceBest()
                    + (counts.sinceBest() == 1 ? " held-out loss" : " held-out losses")
                    + " without a new lowest (--patience)"
                : null));
    return result;
  }

  /// Does what no run fails for; where it fails that is told.
  private void unimportant(Runnable work) {
    try {
      behind.now(work);
    } catch (RunException | InputException e) {
      events.accept(new TrainEvent.Warning(String.valueOf(e.getMessage())));
    }
  }

  private TrainEvent.Started started() {
    int steps = prepared.steps();
    int evaluations =
        (int)
            IntStream.rangeClosed(counts.steps() + 1, steps)
                .filter(prepared::evaluatesAfter)
                .count();
    return new TrainEvent.Started(
        id, prepared.settings().output().out(), counts.steps(), steps, evaluations);
  }

  /// Whether the run ends before its planned steps because its held-out loss falls no more.
  private boolean early() {
    Integer patience = prepared.settings().watch().patience();
    return patience != null
        && counts.sinceBest() >= patience
        && counts.steps() < prepared.steps()
        && evaluated;
  }

  private RunState loop() {
    var settings = prepared.settings();
    LearningRate rate = LearningRate.of(settings.optimizer(), prepared.steps());
    if (resumed == null) {
      evaluate();
    } else {
      again();
    }
    while (counts.steps() < prepared.steps() && !early()) {
      noteInterrupt();
      if (cancelled.getAsBoolean()) {
        return RunState.STOPPED;
      }
      step(rate.at(counts.steps()));
      identity.begin();
      if (counts.skipped().tooMany()) {
        throw ended();
      }
      checkDiverged();
      afterStep();
    }
    if (counts.updates() == 0) {
      throw ended();
    }
    return evaluated ? RunState.FINISHED : RunState.STOPPED;
  }

  /// What is due between two steps: a held-out loss, a save.
  private void afterStep() {
    evaluated = !prepared.evaluatesAfter(counts.steps());
    boolean best = !evaluated && evaluate();
    if (best) {
      save(true, true);
    } else if (savesAfter(counts.steps())) {
      save(true);
    }
  }

  /// Makes what a run that went on may have missed: what it saved with its checkpoint, the best
  /// where that is older than what lies there, and the held-out loss that a stop came before.
  private void again() {
    Resumed from = requireNonNull(prepared.resumed());
    checkDiverged();
    Integer best = counts.bestStep();
    if (!from.found().torn().isEmpty() && best != null && best < from.step()) {
      RunCheckpoints.Found older = RunCheckpoints.at(folder.path(), best);
      if (older != null) {
        trainer.read(older.state(), older.checkpoint().optimizerUpdates());
        behind.now(() -> write(false));
        trainer.read(from.found().state(), from.found().checkpoint().optimizerUpdates());
      }
    }
    save(counts.isBest(), false);
    if (!evaluated) {
      afterStep();
    }
  }

  /// Why the steps that were skipped end the run.
  private RunException ended() {
    if (counts.updates() == 0) {
      return counts.skipped().nothingMade(prepared.backend().compute() != Dtype.BF16);
    }
    diverged = true;
    return counts
        .skipped()
        .diverged(saves > 0 || saveable(), prepared.settings().optimizer().maxGradNorm() > 0);
  }

  /// Ends a run that diverges, where the settings say so.
  private void checkDiverged() {
    TrainEvent.Diverged sign = diverges;
    if (prepared.settings().watch().onDivergence() == OnDivergence.STOP && sign != null) {
      diverged = true;
      throw new RunException(
          sign.line()
              + "; "
              + SkippedSteps.kept(saves > 0 || saveable())
              + " (--on-divergence stop)");
    }
  }

  /// Notes what a step says of the run's course.
  private void watch(TrainEvent.Step step, Consumer<TrainEvent> told) {
    TrainEvent.Diverged sign =
        divergence.take(step.step(), step.loss(), step.gradNorm(), step.trainedTokens());
    if (sign != null) {
      diverges = diverges == null ? sign : diverges;
      told.accept(sign);
    }
  }

  /// Makes the next step.
  private void step(double rate) {
    long start = System.nanoTime();
    int at = counts.steps();
    StepEvent recorded = StepEvent.started();
    Trainer.Result r = trainer.step(at, prepared.batches().step(at), rate);
    double seconds = seconds(start);
    noteInterrupt();
    awaitSave(); // a step that was skipped has not
    counts.take(r);
    evaluated = false; // until it is known whether one is due
    if (resumed == null ? at == 0 : at == resumed.step()) {
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
            ProcessMemory.rssAnonMb());
    recorded.end(event);
    lines.add(() -> metrics.step(event));
    writeLines();
    events.accept(event);
    if (r.skipped()) {
      events.accept(
          new TrainEvent.Warning(
              "step " + counts.steps() + " is skipped: " + SkippedSteps.reason(r)));
    }
    watch(event, events);
  }

  /// Keeps an interrupt for later: a channel that an interrupted thread writes to is closed.
  private void noteInterrupt() {
    interrupted |= Thread.interrupted();
  }

  private boolean savesAfter(int steps) {
    if (!unsaved() || counts.skipped().isLast() || steps == prepared.steps()) {
      return false; // what gave no number is not saved over what did; the end saves by itself
    }
    Integer every = prepared.settings().output().saveSteps();
    return every == null ? pace.isDue() : steps % every == 0;
  }

  /// Computes the held-out loss, where there are rows for one, and answers prompts; one that is
  /// cancelled on the way was never made.
  ///
  /// @return whether it is the lowest
  private boolean evaluate() {
    Dataset held = prepared.held();
    if (held == null) {
      return false;
    }
    long start = System.nanoTime();
    OptionalDouble loss;
    List<String> answers;
    try (PhaseEvent _ = PhaseEvent.of("evaluate", counts.steps())) {
      loss = trainer.evaluate(held, cancelled);
      answers =
          loss.isEmpty()
              ? null
              : trainer.answer(prepared.samples(), prepared.tokens().tokenizer(), cancelled);
    }
    noteInterrupt();
    if (loss.isEmpty() || answers == null) {
      return false;
    }
    awaitSave();
    evaluated = true;
    boolean best = counts.evaluated(loss.getAsDouble());
    TrainEvent.Evaluated event =
        new TrainEvent.Evaluated(
            counts.steps(), loss.getAsDouble(), held.trainedTokens(), best, seconds(start));
    List<TrainEvent.Sampled> sampled = new ArrayList<>();
    for (int i = 0; i < answers.size(); i++) {
      sampled.add(
          new TrainEvent.Sampled(counts.steps(), prepared.samples().text(i), answers.get(i)));
    }
    lines.add(() -> metrics.evaluated(event));
    sampled.forEach(sample -> lines.add(() -> samples.write(sample)));
    writeLines();
    events.accept(event);
    sampled.forEach(events);
    return best;
  }

  private void writeLines() {
    while (!lines.isEmpty()) {
      behind.line(lines.getFirst());
      lines.removeFirst();
    }
  }

  /// Saves what trains as it stands, where that is not done yet: as the run's own, or beside the
  /// best. A run that has diverged leaves what was saved before as its own.
  ///
  /// @param checkpointed whether a run may go on from there
  private void save(boolean checkpointed) {
    awaitSave();
    if (unsaved()) {
      if (!tuning.isFinite()) {
        diverged = true;
        throw new RunException(
            "the update of step %d made numbers that are not finite; %s; lower --learning-rate"
                .formatted(
                    counts.steps() - counts.skipped().sinceUpdate(), SkippedSteps.kept(saves > 0)));
      }
      save(false, checkpointed);
    }
  }

  /// Begins to save.
  ///
  /// @param checkpointed whether a checkpoint is written first, where the settings want any
  private void save(boolean best, boolean checkpointed) {
    awaitSave();
    boolean last = !best && (counts.evalBest() != null || (diverged && saves > 0));
    int keep = prepared.settings().output().kept();
    Integer bestStep = counts.bestStep();
    RunCheckpoint checkpoint = checkpointed && keep > 0 ? checkpoint() : null;
    int step = counts.steps();
    boolean moves = folder.moves();
    boolean[] placed = {false}; // where the disk is full the rest alone is made again
    saving = new Save(step, counts.updates(), last);
    Runnable work =
        () -> {
          if (keep == 0) {
            RunCheckpoints.clear(folder.path()); // of a run that has had some
          }
          if (checkpoint != null && !placed[0]) {
            try (PhaseEvent _ = PhaseEvent.of("checkpoint", checkpoint.step())) {
              OutFolder.force(folder.path().resolve(RunFolder.METRICS));
              samples.force();
              RunCheckpoints.write(folder.path(), checkpoint, trainer::write);
              placed[0] = true;
              RunCheckpoints.prune(folder.path(), keep, bestStep);
            }
          }
          try (PhaseEvent _ = PhaseEvent.of("save", step)) {
            write(last);
          }
        };
    behind.begin(checkpointed ? pace.timed(work) : work);
    if (moves) {
      awaitSave();
    }
  }

  /// Writes what trains into the run's folder, or beside the best.
  private void write(boolean last) {
    Consumer<Path> writing =
        growing -> {
          identity.write(growing);
          tuning.write(growing);
          if (last) {
            prepared.tokens().tokenizer().writeOwn(growing);
          }
        };
    if (last) {
      folder.saveLast(writing);
    } else {
      folder.save(writing);
    }
  }

  /// Waits until what was saved is on the disk.
  private void awaitSave() {
    Save save = saving;
    if (save == null) {
      return;
    }
    unwritable = true;
    behind.await();
    unwritable = false;
    saving = null;
    savedUpdates = save.updates();
    saves++;
    savedStep = save.step();
    pace.ended();
    events.accept(
        new TrainEvent.Saved(save.last() ? folder.path().resolve(RunFolder.LAST) : folder.path()));
    write(RunState.RUNNING);
  }

  /// The state of the run between two steps.
  private RunCheckpoint checkpoint() {
    return new RunCheckpoint(
        id,
        startedAt.toString(),
        secondsBefore + seconds(started),
        counts.values(),
        evaluated,
        trainer.updates(),
        metrics.bytes(),
        samples.bytes(),
        Json.tree(prepared.settings().recorded()),
        Json.tree(digests.values(RunState.RUNNING, folder.path())),
        prepared.plan(),
        here);
  }

  /// Whether there is something to save that is worth it where the run fails: an old run in its
  /// place is worth more.
  private boolean saveable() {
    return unsaved()
        && !unwritable
        && !folder.replacesAnother()
        && !trainer.torn()
        && tuning.isFinite();
  }

  private void failed(Throwable cause) {
    behind.hurry();
    try {
      if (!unwritable) {
        awaitSave();
      }
      writeLines(); // what refused one may be over
      if (saveable()) {
        save(counts.isBest() && evaluated, !diverged);
        awaitSave();
      }
    } catch (RuntimeException | Error e) {
      cause.addSuppressed(e); // the disk or the memory may be what failed
    }
    try {
      write(RunState.FAILED);
    } catch (RuntimeException | Error e) {
      cause.addSuppressed(e);
    }
  }

  private RunResult write(RunState state) {
    Double best = counts.evalBest();
    RunResult result =
        new RunResult(
            state,
            id,
            folder.path(),
            counts.steps(),
            counts.skipped().count(),
            counts.tokens(),
            counts.trainedTokens(),
            secondsBefore + seconds(started),
            counts.firstLoss(),
            counts.lastLoss(),
            counts.evalBefore(),
            best,
            counts.bestStep(),
            early(),
            divergence.step());
    Map<String, @Nullable Object> run = new LinkedHashMap<>();
    run.put("id", id);
    run.put("started", startedAt.toString());
    run.put("state", state.name().toLowerCase(java.util.Locale.ROOT));
    run.put(EarlierRun.PLANNED_STEPS, prepared.steps());
    run.put(EarlierRun.SAVED_STEP, savedStep);
    Map<String, @Nullable Object> settings = prepared.settings().recorded();
    run.put("settings", settings);
    run.put(
        "given",
        prepared.settings().given().keys().stream()
            .filter(settings::containsKey)
            .sorted()
            .toList());
    run.put("plan", prepared.plan().values());
    run.putAll(identity.values());
    run.put("trained_parameters", prepared.count().trained());
    run.put("all_parameters", prepared.count().all());
    run.put("versions", Map.of("nudge", here.nudge(), "java", here.java()));
    run.put("machine", prepared.machine().name());
    Map<String, @Nullable Object> totals = result.totals();
    totals.put("cost", prepared.settings().cost(result.seconds()));
    run.put("totals", totals);
    behind.now(
        () -> {
          Map<String, @Nullable Object> known = identity.digests();
          known.putAll(digests.values(state, folder.path()));
          run.put(RunDigests.KEY, known);
          folder.write(run);
        });
    if (state != RunState.RUNNING) {
      unimportant(folder::draw);
    }
    return result;
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
