package dev.nudge.eval.sweep;

import dev.nudge.data.Dataset;
import dev.nudge.data.Example;
import dev.nudge.eval.sweep.SweepFile.Entry;
import dev.nudge.eval.sweep.SweepFile.Halving;
import dev.nudge.format.Claim;
import dev.nudge.machine.Machine;
import dev.nudge.machine.Reservations;
import dev.nudge.plan.Plan;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.SweepSettings;
import dev.nudge.settings.TrainSettings;
import dev.nudge.train.GroupPlan;
import dev.nudge.train.Prepared;
import dev.nudge.train.RunGroup;
import dev.nudge.train.RunResult;
import dev.nudge.train.RunState;
import dev.nudge.train.TrainEvent;
import dev.nudge.train.Training;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Tries many settings of one base: trains those that share it in the same passes, ends the worst
/// early where the file asks for it, and compares what is left on the same held-out rows.
///
/// Each setting is a run in a folder of its own, with the bytes that `train` alone gives. A rung of
/// successive halving [1] measures all that are left at one step; its losses and the settings that
/// it ends are in `sweep.json` before anything follows from them. Where not all fit into memory at
/// once, groups train one after the other up to each rung, each going on from its checkpoints.
///
/// [1] Jamieson, Talwalkar: Non-stochastic best arm identification and hyperparameter optimization,
/// 2016.
///
/// Threading: one thread calls.
public final class Sweep {
  private static final String KEY = "sweep"; // of run.json

  private final SweepFile file;
  private final SweepSettings settings;
  private final Machine machine;
  private final UnaryOperator<TrainSettings> names;
  private final Watcher watcher;
  private final BooleanSupplier cancelled;
  private final Training.Shared shared = new Training.Shared();

  /// What a sweep tells, on the thread that runs it.
  public interface Watcher {
    /// A line on the sweep, for people.
    void line(String line);

    /// A warning of one or several settings.
    void warning(String line);

    /// An event of a setting's run.
    void event(String setting, TrainEvent event);

    /// A setting is ended before its last step.
    void ended(String setting, String why);
  }

  /// The end of a sweep.
  ///
  /// @param stopped whether it was cancelled; it goes on from there with `--resume`
  /// @param plan lines of a dry run; empty after a sweep
  /// @param values for `--json`
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
      BooleanSupplier cancelled) {
    this.file = file;
    this.settings = settings;
    this.machine = machine;
    this.names = names;
    this.watcher = watcher;
    this.cancelled = cancelled;
  }

  /// Runs a sweep.
  ///
  /// @param document the values of the sweep's file
  /// @param names makes paths of names in a run's settings
  /// @param cancelled asked between steps; once true, all runs are stopped as they are
  /// @throws InputException in one line, before anything starts
  /// @throws RunException if no setting comes to its end
  public static Result run(
      SweepSettings settings,
      Map<String, ? extends @Nullable Object> document,
      Machine machine,
      UnaryOperator<TrainSettings> names,
      Watcher watcher,
      BooleanSupplier cancelled) {
    SweepFile file = SweepFile.of(settings.file().toString(), document);
    return new Sweep(file, settings, machine, names, watcher, cancelled).run();
  }

  private Result run() {
    Push push = settings.push() == null ? null : Push.of(settings.push());
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
    List<GroupPlan> groups = GroupPlan.of(prepared);
    List<String> lines = lines(going, prepared, groups);
    if (settings.dryRun()) {
      return new Result(false, lines, values(going, groups), null, null);
    }
    lines.forEach(watcher::line);
    try (Claim _ = Claim.of(out)) {
      SweepState here = state == null ? SweepState.begin(out, file) : state;
      boolean stopped = train(going, prepared, here);
      return ended(stopped, here, push);
    }
  }

  private Result ended(boolean stopped, SweepState state, @Nullable Push push) {
    Leaderboard board = Leaderboard.of(settings.out(), file, state);
    board.write(settings.out());
    if (stopped) {
      return new Result(true, List.of(), board.values(), board, null);
    }
    Leaderboard.Row best = board.best();
    if (best == null) {
      throw new RunException(
          "no setting came to its end; why is in " + settings.out().resolve(Leaderboard.MARKDOWN));
    }
    Version pushed =
        push == null
            ? null
            : push.store(settings.registry(), settings.out().resolve(best.name()), file.place());
    Map<String, @Nullable Object> values = board.values();
    values.put("pushed", pushed == null ? null : pushed.shown());
    return new Result(false, List.of(), values, board, pushed);
  }

  /// Where the best adapter goes in the registry.
  private record Push(String name, @Nullable String alias) {
    static Push of(String text) {
      int at = text.indexOf('@');
      String name = at < 0 ? text : text.substring(0, at);
      String alias = at < 0 ? null : text.substring(at + 1);
      boolean right =
          Reference.isReference(name + ":1")
              && (alias == null
                  || Reference.isReference(text)
                      && Reference.parse(text).to() instanceof Reference.Alias);
      if (!right) {
        throw new InputException(
            "--push is '%s'; it must be an adapter's name, with or without an alias, as in support@champion"
                .formatted(text));
      }
      return new Push(name, alias);
    }

    Version store(@Nullable Path registry, Path adapter, String from) {
      Registry to = Registry.open(registry == null ? Registry.home() : registry);
      Note note = Note.of("the best of " + from);
      Version version = to.push(name, adapter, note).version();
      if (alias != null) {
        to.alias(name, alias, version, Alias.Expected.ANY, note);
        version = to.find(Reference.parse(version.shown()));
      }
      return version;
    }
  }

  /// The entries whose runs are not finished in their folders.
  private List<Entry> unfinished(List<Entry> entries) {
    List<Entry> open = new ArrayList<>();
    for (Entry entry : entries) {
      TrainSettings run = named(entry);
      try {
        if (!Training.finished(run, machine)) {
          open.add(entry);
        }
      } catch (InputException e) {
        throw SweepFile.refused(entry, e);
      }
    }
    return open;
  }

  private TrainSettings named(Entry entry) {
    TrainSettings run = file.settings(entry, settings.out());
    try {
      return names.apply(run);
    } catch (InputException e) {
      throw SweepFile.refused(entry, e);
    }
  }

  private List<Prepared> prepared(List<Entry> entries) {
    Set<String> warnings = new LinkedHashSet<>();
    List<Prepared> all = new ArrayList<>();
    for (Entry entry : entries) {
      try {
        Prepared one = Training.prepare(named(entry), machine.again(), shared);
        warnings.addAll(one.warnings());
        all.add(one);
      } catch (InputException e) {
        throw SweepFile.refused(entry, e);
      }
    }
    warnings.forEach(watcher::warning);
    return all;
  }

  private void check(List<Prepared> prepared) {
    Halving halving = file.halving();
    for (int i = 0; i < prepared.size(); i++) {
      Prepared run = prepared.get(i);
      Dataset held = run.held();
      if (held == null) {
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
      if (halving != null && !run.objective().name().equals("sft")) {
        throw SweepFile.wrong(
            file.place(), "halving compares losses of supervised runs; leave it out");
      }
      Prepared first = prepared.getFirst();
      if (halving != null && !same(held, Objects.requireNonNull(first.held()))) {
        throw SweepFile.wrong(
            file.place(),
            "halving compares on the same held-out rows, and those of %s and %s differ; leave it out, or give eval_data"
                .formatted(name(first), name(run)));
      }
    }
  }

  private static String name(Prepared run) {
    return String.valueOf(run.settings().output().out().getFileName());
  }

  private static boolean same(Dataset one, Dataset other) {
    List<Example> a = one.examples();
    List<Example> b = other.examples();
    return a.size() == b.size()
        && IntStream.range(0, a.size())
            .allMatch(
                i ->
                    a.get(i).trainedTokens() == b.get(i).trainedTokens()
                        && Arrays.equals(a.get(i).ids(), b.get(i).ids()));
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
                group ->
                    Map.of(
                        "settings",
                        group.members().stream().map(i -> going.get(i).name()).toList(),
                        "total_bytes",
                        group.plan().totalBytes()))
            .toList());
    return values;
  }

  /// A group that trains.
  private record Live(
      RunGroup group, List<Entry> entries, List<Prepared> runs, Reservations.Taken taken)
      implements AutoCloseable {
    /// Stops the runs that have not ended, each with a checkpoint.
    void stop() {
      IntStream.range(0, entries.size()).filter(group::live).forEach(group::stop);
    }

    @Override
    public void close() {
      try {
        group.close();
      } finally {
        taken.close();
      }
    }
  }

  /// Trains to the end, or until it is cancelled.
  ///
  /// @return whether it was cancelled
  private boolean train(List<Entry> entries, List<Prepared> first, SweepState state) {
    Halving halving = file.halving();
    List<Integer> targets = new ArrayList<>();
    if (halving != null) {
      halving.at().stream().filter(at -> !state.decided(at)).forEach(targets::add);
    }
    targets.add(Integer.MAX_VALUE);
    noteEarlier(entries, state);
    List<Entry> going = new ArrayList<>(entries);
    Live only = null;
    try {
      for (int target : targets) {
        Map<String, Double> losses = new LinkedHashMap<>();
        if (only != null) {
          advance(only, target, losses, state);
        } else if (!going.isEmpty()) {
          List<Prepared> prepared = first.isEmpty() ? prepared(going) : first;
          first = List.of(); // they were not begun since
          List<GroupPlan> groups = GroupPlan.of(prepared);
          for (GroupPlan group : groups) {
            if (isCancelled()) {
              return true;
            }
            Live live = open(group, going, prepared, groups);
            boolean stays = false;
            try {
              advance(live, target, losses, state);
              stays = groups.size() == 1;
              if (!stays) {
                live.stop();
              }
            } finally {
              if (!stays) {
                live.close();
              }
            }
            only = stays ? live : null;
          }
        }
        if (isCancelled() || only != null && only.group().interrupted()) {
          return true;
        }
        going.removeIf(entry -> !losses.containsKey(entry.name()));
        if (halving != null && target != Integer.MAX_VALUE) {
          going.removeAll(decide(target, losses, going, only, state, halving));
        }
      }
      return false;
    } finally {
      if (only != null) {
        only.close();
      }
    }
  }

  private boolean isCancelled() {
    return cancelled.getAsBoolean() || Thread.currentThread().isInterrupted();
  }

  private Live open(
      GroupPlan group, List<Entry> going, List<Prepared> prepared, List<GroupPlan> groups) {
    List<Entry> entries = group.members().stream().map(going::get).toList();
    List<Prepared> runs = group.members().stream().map(prepared::get).toList();
    Plan plan = group.plan();
    Reservations.Taken taken = RunGroup.reserve(runs.getFirst(), plan);
    if (taken == null) {
      throw new InputException(
          "another run was planned meanwhile, and the %s of this sweep no longer fit; --resume goes on with it"
              .formatted(Bytes.shown(plan.totalBytes())));
    }
    try {
      RunGroup made = new RunGroup(runs, plan, new Told(entries, runs));
      number(entries, groups.indexOf(group) + 1);
      return new Live(made, entries, runs, taken);
    } catch (RuntimeException | Error e) {
      taken.close();
      throw e;
    }
  }

  private final Map<String, Integer> numbers = new LinkedHashMap<>(); // of groups

  private void number(List<Entry> entries, int group) {
    entries.forEach(entry -> numbers.put(entry.name(), group));
  }

  /// Passes on what a group tells, and keeps the held-out losses of each setting's best adapter.
  private final class Told implements RunGroup.Listener {
    private final List<Entry> entries;
    private final List<Prepared> runs;

    Told(List<Entry> entries, List<Prepared> runs) {
      this.entries = entries;
      this.runs = runs;
    }

    @Override
    public void event(int member, TrainEvent event) {
      watcher.event(entries.get(member).name(), event);
    }

    @Override
    public void held(int member, int step, double[] losses, boolean best) {
      if (best) {
        Dataset held = Objects.requireNonNull(runs.get(member).held());
        HeldRows.of(step, held, losses)
            .write(Leaderboard.held(settings.out(), entries.get(member).name()));
      }
    }
  }

  /// Trains a group up to a step, notes what ended, and measures the rest where the step is a rung.
  ///
  /// @param losses receives the held-out loss of each that goes on
  private void advance(Live live, int target, Map<String, Double> losses, SweepState state) {
    RunGroup group = live.group();
    List<Integer> before =
        IntStream.range(0, live.entries().size()).filter(group::live).boxed().toList();
    group.advance(target, cancelled);
    for (int i : before) {
      Entry entry = live.entries().get(i);
      RuntimeException failure = group.failure(i);
      RunResult result = group.result(i);
      if (failure != null) {
        String why = String.valueOf(failure.getMessage());
        ended(entry, new SweepState.End(group.steps(i), "failed", why), state);
      } else if (result != null && result.state() == RunState.FINISHED) {
        note(entry, null);
      } else if (result == null) {
        Optional<double[]> found = group.heldOut(i);
        if (found.isPresent()) {
          Dataset held = Objects.requireNonNull(live.runs().get(i).held());
          HeldRows now = HeldRows.of(group.steps(i), held, found.get());
          losses.put(entry.name(), now.mean());
          if (!group.hasBest(i)) {
            now.write(Leaderboard.held(settings.out(), entry.name()));
          }
        }
      }
    }
  }

  /// Ends the worst at a rung.
  ///
  /// @return those that ended
  private List<Entry> decide(
      int at,
      Map<String, Double> losses,
      List<Entry> going,
      @Nullable Live only,
      SweepState state,
      Halving halving) {
    List<Entry> ranked = new ArrayList<>(going);
    ranked.sort(
        Comparator.comparingDouble(
            entry -> {
              double loss = Objects.requireNonNull(losses.get(entry.name()));
              return Double.isFinite(loss) ? loss : Double.POSITIVE_INFINITY;
            }));
    int kept = Math.min(ranked.size(), halving.kept(ranked.size()));
    List<Entry> worst = ranked.isEmpty() ? List.of() : ranked.subList(kept, ranked.size());
    Map<String, SweepState.End> ends = new LinkedHashMap<>();
    for (Entry entry : worst) {
      String why =
          "halving at step %d: held-out loss %.4f, %d of %d; the best %d go on"
              .formatted(
                  at, losses.get(entry.name()), ranked.indexOf(entry) + 1, ranked.size(), kept);
      if (only != null) {
        only.group().stop(only.entries().indexOf(entry));
      }
      ends.put(entry.name(), new SweepState.End(at, "halving", why));
    }
    Map<String, @Nullable Double> recorded = new LinkedHashMap<>();
    losses.forEach((name, loss) -> recorded.put(name, Double.isFinite(loss) ? loss : null));
    state.decide(new SweepState.Rung(at, recorded), ends);
    worst.forEach(entry -> ended(entry, Objects.requireNonNull(ends.get(entry.name())), state));
    return List.copyOf(worst);
  }

  private void ended(Entry entry, SweepState.End end, SweepState state) {
    if (!state.ended().containsKey(entry.name())) {
      state.end(entry.name(), end);
    }
    note(entry, end);
    watcher.ended(entry.name(), end.why());
  }

  /// Notes what ended before this process did and was not noted.
  private void noteEarlier(List<Entry> going, SweepState state) {
    for (Entry entry : file.entries()) {
      Path folder = settings.out().resolve(entry.name());
      if (!going.contains(entry)
          && Files.exists(folder.resolve("run.json"))
          && !Training.record(folder).containsKey(KEY)) {
        note(entry, state.ended().get(entry.name()));
      }
    }
  }

  /// Says in a run's `run.json` in which group it ran, and why it ended before its last step.
  private void note(Entry entry, SweepState.@Nullable End end) {
    Path folder = settings.out().resolve(entry.name());
    if (Files.exists(folder.resolve("run.json"))) {
      Integer group = numbers.get(entry.name());
      Map<String, @Nullable Object> note = new LinkedHashMap<>();
      note.put("group", group);
      note.put(
          "with",
          numbers.entrySet().stream()
              .filter(other -> other.getValue().equals(group))
              .map(Map.Entry::getKey)
              .filter(name -> !name.equals(entry.name()))
              .toList());
      note.put("ended_step", end == null ? null : end.step());
      note.put("why", end == null ? null : end.why());
      Training.note(folder, KEY, note);
    }
  }
}
