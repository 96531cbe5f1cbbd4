package dev.nudge.train;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.RunFiles;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.train.checkpoint.BackgroundWriter;
import dev.nudge.train.checkpoint.Resumed;
import dev.nudge.train.checkpoint.RunCheckpoint;
import dev.nudge.train.checkpoint.RunCheckpoints;
import dev.nudge.train.events.DivergenceCheck;
import dev.nudge.train.events.EventLog;
import dev.nudge.train.events.MetricsFile;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import dev.nudge.train.objective.GroupRelative;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Emits the events of a run, and writes its files: events, metrics, samples and `run.json`.
///
/// Threading: confined to the run's thread.
final class RunReport {
  private final Prepared prepared;
  private final Consumer<TrainEvent> listener;
  private final RunStart start;
  private final RunCounts counts;
  private final DivergenceCheck divergence;
  private @Nullable String failure;
  private final RunIdentity identity;
  private final RunDigests digests;
  private final RunFolder folder;
  private final BackgroundWriter behind;
  private final EventLog log;
  private final MetricsFile metrics;
  private final Samples samples;
  private final RunCheckpoint.Place here;
  private boolean told; // of a reward that failed
  private final Deque<Runnable> lines = new ArrayDeque<>(); // not written yet, but counted

  RunReport(
      Prepared prepared,
      Consumer<TrainEvent> listener,
      RunStart start,
      RunCounts counts,
      DivergenceCheck divergence,
      RunIdentity identity,
      RunDigests digests,
      RunFolder folder,
      BackgroundWriter behind) {
    this.prepared = prepared;
    this.listener = listener;
    this.start = start;
    this.counts = counts;
    this.divergence = divergence;
    this.identity = identity;
    this.digests = digests;
    this.folder = folder;
    this.behind = behind;
    this.log = new EventLog(folder::path);
    this.metrics = new MetricsFile(folder::path);
    this.samples = new Samples(folder::path);
    this.here = Resumed.place(prepared.backend());
  }

  void tell(TrainEvent event) {
    log.accept(event);
    listener.accept(event);
  }

  /// Truncates metrics and samples to the lines that a checkpoint covers.
  ///
  /// @param steps receives the steps up to the checkpoint
  void goOn(Resumed from, Consumer<TrainEvent.Step> steps) {
    RunCheckpoint checkpoint = from.found().checkpoint();
    checkWhole(metrics.goOn(checkpoint.metricsBytes()), RunFiles.METRICS, from);
    checkWhole(samples.goOn(checkpoint.samplesBytes()), RunFolder.SAMPLES, from);
    RunCheckpoints.removeAfter(folder.path(), from.step());
    metrics.steps(steps);
  }

  /// Refuses a file that lacks lines that a checkpoint covers.
  private void checkWhole(boolean whole, String file, Resumed from) {
    if (!whole) {
      throw new InputException(
          "%s has fewer lines than the run had written by step %d; put it back, or --overwrite to begin anew"
              .formatted(folder.path().resolve(file), from.step()));
    }
  }

  /// Emits the events of preparation.
  void introduce() {
    prepared.warnings().forEach(line -> tell(new TrainEvent.Warning(line)));
    if (folder.beginsAnew()) {
      tell(
          new TrainEvent.Planned(
              "earlier    a run in %s ended before it saved anything; this one begins anew"
                  .formatted(prepared.settings().output().out())));
    }
    tell(started());
    prepared.rows().forEach(line -> tell(new TrainEvent.Planned(line)));
    prepared.summary().forEach(line -> tell(new TrainEvent.Planned(line)));
    prepared.layout().forEach(line -> tell(new TrainEvent.Layout(line)));
  }

  private TrainEvent.Started started() {
    int steps = prepared.steps();
    int evaluations =
        (int)
            IntStream.rangeClosed(counts.steps() + 1, steps)
                .filter(prepared::evaluatesAfter)
                .count();
    return new TrainEvent.Started(
        start.id(), prepared.settings().output().out(), counts.steps(), steps, evaluations);
  }

  /// Creates the files of the run's folder, or continues them.
  ///
  /// @param savedStep step of the last save; null: none
  void begin(@Nullable Integer savedStep) {
    write(RunState.RUNNING, savedStep); // first: it marks the folder as a run's
    log.open();
    if (prepared.schedule().resumed() == null) {
      behind.now(metrics::begin);
    }
    behind.now(() -> folder.copyTokenizer(prepared));
  }

  void step(TrainEvent.Step event) {
    lines.add(() -> metrics.step(event));
    writeLines();
    tell(event);
  }

  /// Writes the completions of a step, and warns of the first reward that failed.
  void sampled(int step, Rollouts.Batch batch) {
    for (Map<String, @Nullable Object> line : batch.lines()) {
      lines.add(() -> samples.write(step, line));
    }
    writeLines();
    String failure = batch.failure();
    if (failure != null && !told) {
      told = true;
      tell(
          new TrainEvent.Warning(
              "step %d: %s have no reward and are not trained on (%s); failed_rewards counts more of them"
                  .formatted(step, Count.of(batch.failed(), "completion"), failure)));
    }
  }

  void evaluated(TrainEvent.Evaluated event, List<TrainEvent.Sampled> sampled) {
    lines.add(() -> metrics.evaluated(event));
    sampled.forEach(sample -> lines.add(() -> samples.write(sample)));
    writeLines();
    tell(event);
    sampled.forEach(this::tell);
  }

  /// Writes the lines that did not fit on the disk before.
  void writeLines() {
    while (!lines.isEmpty()) {
      behind.line(lines.getFirst());
      lines.removeFirst();
    }
  }

  /// Syncs the lines so far to the disk.
  void force() {
    OutFolder.force(folder.path().resolve(RunFiles.METRICS));
    samples.force();
  }

  /// The state of the run between two steps.
  ///
  /// @param updates number of optimiser updates
  RunCheckpoint checkpoint(long updates) {
    return new RunCheckpoint(
        start.id(),
        start.at().toString(),
        start.seconds(),
        counts.values(),
        !counts.evaluationDue(),
        updates,
        metrics.bytes(),
        samples.bytes(),
        Json.tree(prepared.settings().recorded()),
        Json.tree(digests.values(RunState.RUNNING, folder.path())),
        prepared.plan(),
        here);
  }

  /// Writes `run.json`; draws the loss curves if the run has ended.
  ///
  /// @param savedStep step of the last save; null: none
  RunResult write(RunState state, @Nullable Integer savedStep) {
    RunResult result = result(state);
    Map<String, @Nullable Object> run = record(result, savedStep);
    behind.now(
        () -> {
          Map<String, @Nullable Object> known = identity.digests();
          known.putAll(digests.values(state, folder.path()));
          run.put(RunDigests.KEY, known);
          folder.write(run);
        });
    if (state != RunState.RUNNING) {
      behind.unimportant(folder::draw);
    }
    return result;
  }

  private RunResult result(RunState state) {
    return new RunResult(
        state,
        start.id(),
        folder.path(),
        counts.steps(),
        counts.skipped().count(),
        counts.tokens(),
        counts.trainedTokens(),
        start.seconds(),
        counts.firstLoss(),
        counts.lastLoss(),
        counts.evalBefore(),
        counts.evalBest(),
        counts.bestStep(),
        counts.endsEarly(prepared),
        divergence.step());
  }

  private Map<String, @Nullable Object> record(RunResult result, @Nullable Integer savedStep) {
    Map<String, @Nullable Object> run = new LinkedHashMap<>();
    run.put("id", start.id());
    run.put("started", start.at().toString());
    run.put(RunFiles.STATE, result.state().name().toLowerCase(Locale.ROOT));
    if (failure != null) {
      run.put(RunFiles.FAILURE, failure);
    }
    run.put(RunFiles.PLANNED_STEPS, prepared.steps());
    run.put(RunFiles.SAVED_STEP, savedStep);
    Map<String, @Nullable Object> settings = prepared.settings().recorded();
    run.put(RunRecord.OBJECTIVE, prepared.goal().objective().name());
    if (prepared.goal().objective() instanceof GroupRelative of) {
      run.put("offline", of.offline());
    }
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
    ExpertUse experts = counts.experts();
    if (experts != null) {
      run.put(RunCounts.EXPERTS, experts.values());
    }
    return run;
  }

  /// Notes why the run fails, for its `run.json`.
  void failed(TrainEvent.Failed why) {
    failure = why.line();
  }

  /// Emits the event of the run's end.
  void ended(RunResult result) {
    Double before = counts.evalBefore();
    Double best = counts.evalBest();
    if (before != null && best != null && best > before) {
      tell(
          new TrainEvent.Warning(
              "the lowest held-out loss, %.4f, is above the one before training, %.4f"
                  .formatted(best, before)));
    }
    tell(
        new TrainEvent.Finished(
            result.state(),
            counts.steps(),
            counts.trainedTokens(),
            result.seconds(),
            best,
            counts.endsEarly(prepared)
                ? counts.sinceBest()
                    + (counts.sinceBest() == 1 ? " held-out loss" : " held-out losses")
                    + " without a new lowest (--patience)"
                : null));
  }
}
