package dev.nudge.eval.sweep;

import dev.nudge.data.Dataset;
import dev.nudge.eval.sweep.SweepFile.Entry;
import dev.nudge.eval.sweep.SweepFile.Halving;
import dev.nudge.eval.sweep.SweepFile.Ranking;
import dev.nudge.format.Claim;
import dev.nudge.format.RunFiles;
import dev.nudge.machine.Machine;
import dev.nudge.registry.Version;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.SweepSettings;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.GroupPlan;
import dev.nudge.train.Prepared;
import dev.nudge.train.Training;
import dev.nudge.train.events.TrainEvent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// Tries many settings on one base: trains compatible ones in shared passes, stops the worst early
/// if the file asks for it, and compares the rest on the same held-out rows.
///
/// Each setting is a run in its own folder, with the same bytes as from `train`. A rung of
/// successive halving [1] evaluates all remaining settings at one step; its losses and the settings
/// that it stops are written to `sweep.json` before they take effect. If not all settings fit into
/// memory, groups train in sequence up to each rung, resuming from their checkpoints.
///
/// [1] Jamieson, Talwalkar: Non-stochastic best arm identification and hyperparameter optimization,
/// 2016.
///
/// [SweepTraining.Places] trains the groups: in this process, or by workers ([SweepWorkers]).
///
/// Threading: one thread calls.
public final class Sweep {
  private final SweepFile file;
  private final SweepSettings settings;
  private final Machine machine;
  private final UnaryOperator<TrainSettings> names;
  private final Watcher watcher;
  private final BooleanSupplier cancelled;
  private final @Nullable SweepWorkers workers;
  private final Training.SharedInputs shared = new Training.SharedInputs();

  /// Receives the events of a sweep, on the thread that runs it.
  public interface Watcher {
    /// A line about the sweep, for people.
    void line(String line);

    /// A warning of one or several settings.
    void warning(String line);

    /// An event of a setting's run.
    void event(String setting, TrainEvent event);

    /// A setting was stopped early.
    void ended(String setting, String why);
  }

  /// The result of a sweep.
  ///
  /// @param stopped whether it was cancelled; `--resume` continues it
  /// @param plan lines of a dry run; empty after a sweep
  /// @param values values for `--json`
  /// @param pushed the version in the registry; null: none
  public record Result(
      boolean stopped,
      List<String> plan,
      Map<String, @Nullable Object> values,
      @Nullable Leaderboard leaderboard,
      @Nullable Version pushed) {}

  private Sweep(
      SweepFile file,
      SweepSettings settings,
      Machine machine,
      UnaryOperator<TrainSettings> names,
      Watcher watcher,
      BooleanSupplier cancelled,
      @Nullable SweepWorkers workers) {
    this.file = file;
    this.settings = settings;
    this.machine = machine;
    this.names = names;
    this.watcher = watcher;
    this.cancelled = cancelled;
    this.workers = workers;
  }

  /// Runs a sweep.
  ///
  /// @param document the values of the sweep's file
  /// @param names replaces hub names in a run's settings by paths
  /// @param cancelled polled between steps; once true, all runs save and stop
  /// @throws InputException in one line, before anything starts
  /// @throws RunException if no setting finishes
  public static Result run(
      SweepSettings settings,
      Map<String, ? extends @Nullable Object> document,
      Machine machine,
      UnaryOperator<TrainSettings> names,
      Watcher watcher,
      BooleanSupplier cancelled) {
    return run(settings, document, machine, names, watcher, cancelled, null);
  }

  /// Runs a sweep whose groups are trained by other processes. Evaluations for the ranking run in
  /// this process.
  ///
  /// @param workers workers; null: the groups train in this process, in sequence
  public static Result run(
      SweepSettings settings,
      Map<String, ? extends @Nullable Object> document,
      Machine machine,
      UnaryOperator<TrainSettings> names,
      Watcher watcher,
      BooleanSupplier cancelled,
      @Nullable SweepWorkers workers) {
    SweepFile file = SweepFile.of(settings.file().toString(), document);
    return new Sweep(file, settings, machine, names, watcher, cancelled, workers).run();
  }

  private Result run() {
    SweepPush push =
        settings.push() == null ? null : SweepPush.of(settings.push(), settings.anyBase());
    if (push != null) {
      push.check(settings.registry());
    }
    Path out = settings.out();
    SweepState state = null;
    if (settings.resume()) {
      state = SweepState.goOn(out, file);
    } else {
      SweepState.checkFree(out);
    }
    Set<String> over = state == null ? Set.of() : state.ended().keySet();
    List<Entry> open =
        file.entries().stream().filter(entry -> !over.contains(entry.name())).toList();
    List<Entry> going = unfinished(open);
    List<Prepared> prepared = prepared(going);
    check(prepared);
    if (push != null) {
      prepared.stream()
          .map(run -> run.settings().model().model())
          .distinct()
          .forEach(model -> push.checkBase(settings.registry(), model, machine.cache()));
    }
    Ranking metric = file.metric();
    SweepEvaluation evaluation =
        metric == null
            ? null
            : SweepEvaluation.of(
                file.place(),
                out,
                machine,
                metric,
                named(file.entries().getFirst()),
                watcher::warning);
    List<GroupPlan> groups = GroupPlan.of(prepared);
    List<String> lines = lines(going, prepared, groups);
    if (settings.dryRun()) {
      return new Result(false, lines, values(going, groups), null, null);
    }
    lines.forEach(watcher::line);
    try (Claim _ = Claim.in(out)) {
      SweepState here = state == null ? SweepState.begin(out, file) : state;
      boolean stopped;
      try (SweepTraining.Places places = places(going, prepared)) {
        stopped = new SweepTraining(file, out, places, here, watcher).run(going);
      }
      return ended(!stopped, here, push, evaluation);
    }
  }

  private SweepTraining.Places places(List<Entry> going, List<Prepared> prepared) {
    if (workers != null) {
      return new SweepSpread(prepared, workers, watcher);
    }
    return new SweepGroups(
        settings.out(),
        prepared,
        names -> prepared(going.stream().filter(one -> names.contains(one.name())).toList()),
        watcher,
        cancelled);
  }

  private Result ended(
      boolean trained,
      SweepState state,
      @Nullable SweepPush push,
      @Nullable SweepEvaluation evaluation) {
    Map<String, HeldRows> scored = new LinkedHashMap<>();
    boolean stopped = !trained || evaluation != null && !evaluate(evaluation, scored);
    Leaderboard board =
        Leaderboard.of(
            settings.out(), file, state, evaluation == null ? null : evaluation.resolved(), scored);
    board.write(settings.out());
    if (stopped) {
      return new Result(true, List.of(), board.values(), board, null);
    }
    Leaderboard.Row best = board.best();
    if (best == null) {
      boolean finished = board.rows().getFirst().finished();
      throw new RunException(
          "no setting %s; why is in %s"
              .formatted(
                  finished ? "has a finite " + board.title() : "came to its end",
                  finished ? "the warnings" : settings.out().resolve(Leaderboard.MARKDOWN)));
    }
    Version pushed =
        push == null
            ? null
            : push.store(
                settings.registry(),
                settings.out().resolve(best.name()),
                file.place(),
                watcher::warning);
    Map<String, @Nullable Object> values = board.values();
    values.put("pushed", pushed == null ? null : pushed.shown());
    return new Result(false, List.of(), values, board, pushed);
  }

  /// Evaluates each setting's saved adapter or model.
  ///
  /// @return false if it was cancelled
  private boolean evaluate(SweepEvaluation evaluation, Map<String, HeldRows> scored) {
    for (Entry entry : file.entries()) {
      TrainSettings run = named(entry);
      Path folder = run.output().out();
      if (cancelled.getAsBoolean()) {
        return false;
      }
      if (Files.exists(folder.resolve(RunFiles.RUN)) && SweepEvaluation.isSaved(folder)) {
        watcher.line("evaluating %s on %s".formatted(entry.name(), evaluation.metric().task()));
        try {
          scored.put(entry.name(), evaluation.of(run));
        } catch (InputException | RunException e) { // the other settings are still compared
          watcher.warning("%s is not evaluated: %s".formatted(entry.name(), e.getMessage()));
        }
      }
    }
    return true;
  }

  /// Returns the entries whose runs are not finished.
  private List<Entry> unfinished(List<Entry> entries) {
    List<Entry> open = new ArrayList<>();
    for (Entry entry : entries) {
      TrainSettings run = named(entry);
      try {
        if (!Training.finished(run, machine)) {
          open.add(entry);
        }
      } catch (InputException e) {
        throw SweepFile.refused(entry.name(), e);
      }
    }
    return open;
  }

  private TrainSettings named(Entry entry) {
    TrainSettings run = file.settings(entry, settings.out());
    try {
      return names.apply(run);
    } catch (InputException e) {
      throw SweepFile.refused(entry.name(), e);
    }
  }

  private List<Prepared> prepared(List<Entry> entries) {
    Machine planned = workers == null ? machine.again() : workers.machine();
    Set<String> warnings = new LinkedHashSet<>();
    List<Prepared> all = new ArrayList<>();
    for (Entry entry : entries) {
      try {
        Prepared one = Training.prepare(named(entry), planned, shared);
        warnings.addAll(one.warnings());
        all.add(one);
      } catch (InputException e) {
        throw SweepFile.refused(entry.name(), e);
      }
    }
    warnings.forEach(watcher::warning);
    return all;
  }

  private void check(List<Prepared> prepared) {
    Halving halving = file.halving();
    boolean warned = false;
    for (int i = 0; i < prepared.size(); i++) {
      Prepared run = prepared.get(i);
      Dataset held = run.held();
      if (settings.push() != null && run.settings().lora().method() == Method.FULL) {
        throw SweepFile.wrong(
            file.place(),
            "%s trains all weights, and a registry keeps adapters; leave --push out"
                .formatted(name(run)));
      }
      if (file.metric() != null && run.settings().objective().objective().givesScores()) {
        throw SweepFile.wrong(
            file.place(),
            "%s makes a reward model, which answers no task; leave metric out"
                .formatted(name(run)));
      }
      boolean ranked = halving != null || file.metric() == null;
      if (held == null && ranked) {
        throw SweepFile.wrong(
            file.place(),
            "metric eval_loss needs held-out rows; add eval_data or eval_split to base");
      }
      if (halving != null && run.steps() <= halving.at().getLast()) {
        throw SweepFile.wrong(
            file.place(),
            "halving: at has %d, and %s has only %s; give steps before its end"
                .formatted(halving.at().getLast(), name(run), Count.of(run.steps(), "step")));
      }
      if (halving != null && run.settings().output().kept() == 0) {
        throw SweepFile.wrong(
            file.place(),
            "halving goes on from checkpoints, of which keep: 0 keeps none; give at least 1");
      }
      if (halving != null && run.settings().objective().objective().compares()) {
        throw SweepFile.wrong(
            file.place(), "halving compares losses of supervised runs; leave it out");
      }
      Prepared first = prepared.getFirst();
      if (ranked
          && !HeldRows.same(Objects.requireNonNull(held), Objects.requireNonNull(first.held()))) {
        String differ = "the held-out rows of %s and %s differ".formatted(name(first), name(run));
        if (halving != null) {
          throw SweepFile.wrong(
              file.place(),
              "halving compares on the same rows, and %s; leave it out, or give eval_data"
                  .formatted(differ));
        }
        if (!warned) {
          watcher.warning(differ + ", so their losses do not compare; give eval_data");
          warned = true;
        }
      }
    }
  }

  private static String name(Prepared run) {
    return SweepWorkers.name(run.settings());
  }

  private List<String> lines(List<Entry> going, List<Prepared> runs, List<GroupPlan> groups) {
    List<String> lines = new ArrayList<>();
    int all = file.entries().size();
    lines.add(
        "sweep      %s in %s%s"
            .formatted(
                Count.of(all, "setting"),
                Count.of(groups.size(), "group"),
                going.size() == all ? "" : ", " + (all - going.size()) + " of them ended before"));
    if (workers != null && !settings.dryRun()) { // a dry run waits for no worker
      lines.add("spread     over %s".formatted(Count.of(workers.places(), "task")));
    }
    for (int g = 0; g < groups.size(); g++) {
      GroupPlan group = groups.get(g);
      int first = group.members().getFirst();
      lines.add(
          "group %-4d %s, %s; alone the first needs %s: %s"
              .formatted(
                  g + 1,
                  group.members().size() == 1
                      ? "1 setting alone"
                      : group.members().size() + " settings in the same passes",
                  Bytes.shown(group.plan().totalBytes()),
                  Bytes.shown(runs.get(first).plan().totalBytes()),
                  String.join(
                      ", ", group.members().stream().map(i -> going.get(i).name()).toList())));
    }
    return lines;
  }

  private Map<String, @Nullable Object> values(List<Entry> going, List<GroupPlan> groups) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("settings", file.entries());
    values.put(
        "groups",
        groups.stream()
            .map(
                group -> {
                  Map<String, Object> one = new LinkedHashMap<>();
                  one.put(
                      "settings", group.members().stream().map(i -> going.get(i).name()).toList());
                  one.put("total_bytes", group.plan().totalBytes());
                  return one;
                })
            .toList());
    return values;
  }
}
