package dev.nudge.eval.sweep;

import dev.nudge.data.Dataset;
import dev.nudge.eval.sweep.SweepFile.Entry;
import dev.nudge.eval.sweep.SweepFile.Halving;
import dev.nudge.machine.Reservations;
import dev.nudge.plan.Plan;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.InputException;
import dev.nudge.train.GroupPlan;
import dev.nudge.train.Prepared;
import dev.nudge.train.RunGroup;
import dev.nudge.train.RunResult;
import dev.nudge.train.RunState;
import dev.nudge.train.TrainEvent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Trains the settings of a sweep, group by group and rung by rung.
///
/// Threading: one thread calls.
///
/// @param preparing plans the runs of settings, from where they are
/// @param cancelled asked between steps
record SweepTraining(
    SweepFile file,
    Path out,
    Function<List<Entry>, List<Prepared>> preparing,
    SweepNotes notes,
    Sweep.Watcher watcher,
    BooleanSupplier cancelled) {

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
  boolean run(List<Entry> entries, List<Prepared> first, SweepState state) {
    Halving halving = file.halving();
    List<Integer> targets = new ArrayList<>();
    if (halving != null) {
      halving.at().stream().filter(at -> !state.decided(at)).forEach(targets::add);
    }
    targets.add(Integer.MAX_VALUE);
    notes.noteEarlier(entries, state);
    List<Entry> going = new ArrayList<>(entries);
    Live only = null;
    try {
      for (int target : targets) {
        Map<String, Double> losses = new LinkedHashMap<>();
        if (only != null) {
          advance(only, target, losses, state);
        } else if (!going.isEmpty()) {
          List<Prepared> prepared = first.isEmpty() ? preparing.apply(going) : first;
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
      notes.number(entries, groups.indexOf(group) + 1);
      return new Live(made, entries, runs, taken);
    } catch (RuntimeException | Error e) {
      taken.close();
      throw e;
    }
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
        HeldRows.of(step, held, losses).write(Leaderboard.held(out, entries.get(member).name()));
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
        notes.ended(entry, new SweepState.End(group.steps(i), "failed", why), state);
      } else if (result != null && result.state() == RunState.FINISHED) {
        notes.note(entry, null);
      } else if (result == null && live.runs().get(i).held() != null) {
        Optional<double[]> found = group.heldOut(i);
        if (found.isPresent()) {
          Dataset held = Objects.requireNonNull(live.runs().get(i).held());
          HeldRows now = HeldRows.of(group.steps(i), held, found.get());
          losses.put(entry.name(), now.mean());
          if (!group.hasBest(i)) {
            now.write(Leaderboard.held(out, entry.name()));
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
    worst.forEach(
        entry -> notes.ended(entry, Objects.requireNonNull(ends.get(entry.name())), state));
    return List.copyOf(worst);
  }
}
