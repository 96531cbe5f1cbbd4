package dev.nudge.eval.sweep;

import dev.nudge.data.Dataset;
import dev.nudge.eval.sweep.SweepWorkers.Reached;
import dev.nudge.machine.Reservations;
import dev.nudge.plan.Plan;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.InputException;
import dev.nudge.train.GroupPlan;
import dev.nudge.train.Prepared;
import dev.nudge.train.RunGroup;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Trains settings in this process, group by group. If there is only one group, it stays loaded for
/// the next rung.
///
/// Threading: one thread calls.
final class SweepGroups implements SweepTraining.Places {
  private final Path out;
  private final Function<List<String>, List<Prepared>> preparing;
  private final Sweep.Watcher watcher;
  private final BooleanSupplier cancelled;
  private List<Prepared> first;
  private @Nullable Live only;

  /// @param out folder of the sweep
  /// @param first prepared runs for the first call; empty: none is prepared
  /// @param preparing plans the runs of settings, resuming from their folders
  /// @param cancelled polled between steps
  SweepGroups(
      Path out,
      List<Prepared> first,
      Function<List<String>, List<Prepared>> preparing,
      Sweep.Watcher watcher,
      BooleanSupplier cancelled) {
    this.out = out;
    this.first = first;
    this.preparing = preparing;
    this.watcher = watcher;
    this.cancelled = cancelled;
  }

  /// A loaded group that trains.
  private record Live(
      int number,
      RunGroup group,
      List<String> names,
      List<Prepared> runs,
      Reservations.Reservation taken)
      implements AutoCloseable {
    /// Stops the runs that have not ended, each with a checkpoint.
    void stop() {
      IntStream.range(0, names.size()).filter(group::live).forEach(group::stop);
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

  @Override
  public boolean train(List<String> names, int target, Consumer<List<Reached>> told) {
    if (only != null) {
      told.accept(advance(only, target));
      return goesOn();
    }
    List<Prepared> prepared = first.isEmpty() ? preparing.apply(names) : first;
    first = List.of(); // they are only valid before the first call
    List<GroupPlan> groups = GroupPlan.of(prepared);
    for (int g = 0; g < groups.size(); g++) {
      if (isCancelled()) {
        return false;
      }
      Live live = open(g + 1, groups.get(g), names, prepared);
      try {
        told.accept(advance(live, target));
        if (groups.size() == 1) {
          only = live;
        } else {
          live.stop();
        }
      } finally {
        if (only == null) {
          live.close();
        }
      }
    }
    return goesOn();
  }

  /// Whether the sweep continues; if it was cancelled, saves and stops the training runs.
  private boolean goesOn() {
    boolean stopped = isCancelled() || only != null && only.group().interrupted();
    if (stopped) {
      stop();
    }
    return !stopped;
  }

  @Override
  public void stop(List<String> names) {
    if (only != null) {
      Live live = only;
      names.forEach(name -> live.group().stop(live.names().indexOf(name)));
    }
  }

  /// Saves and stops all unfinished runs, so that another process can resume them.
  void stop() {
    if (only != null) {
      only.stop();
    }
  }

  @Override
  public void close() {
    if (only != null) {
      only.close();
      only = null;
    }
  }

  private boolean isCancelled() {
    return cancelled.getAsBoolean() || Thread.currentThread().isInterrupted();
  }

  private Live open(int number, GroupPlan group, List<String> all, List<Prepared> prepared) {
    List<String> names = group.members().stream().map(all::get).toList();
    List<Prepared> runs = group.members().stream().map(prepared::get).toList();
    Plan plan = group.plan();
    Reservations.Reservation taken = runs.getFirst().reserve(plan);
    if (taken == null) {
      throw new InputException(
          "another run was planned meanwhile, and the %s of this sweep no longer fit; --resume goes on with it"
              .formatted(Bytes.shown(plan.totalBytes())));
    }
    try {
      RunGroup made = new RunGroup(runs, plan, new GroupProgress(names, runs));
      return new Live(number, made, names, runs, taken);
    } catch (RuntimeException | Error e) {
      taken.close();
      throw e;
    }
  }

  /// Forwards the events of a group, and stores the held-out losses of each setting's best adapter.
  private final class GroupProgress implements RunGroup.Listener {
    private final List<String> names;
    private final List<Prepared> runs;

    GroupProgress(List<String> names, List<Prepared> runs) {
      this.names = names;
      this.runs = runs;
    }

    @Override
    public void event(int member, TrainEvent event) {
      watcher.event(names.get(member), event);
    }

    @Override
    public void held(int member, int step, double[] losses, boolean best) {
      if (best) {
        Dataset held = Objects.requireNonNull(runs.get(member).held());
        HeldRows.of(step, held, losses).write(Leaderboard.held(out, names.get(member)));
      }
    }
  }

  /// Trains a group up to a step, and evaluates the unfinished runs.
  private List<Reached> advance(Live live, int target) {
    RunGroup group = live.group();
    List<Integer> before =
        IntStream.range(0, live.names().size()).filter(group::live).boxed().toList();
    group.advance(target, cancelled);
    List<Reached> reached = new ArrayList<>();
    for (int i : before) {
      String name = live.names().get(i);
      RuntimeException failure = group.failure(i);
      RunResult result = group.result(i);
      String why = failure == null ? null : String.valueOf(failure.getMessage());
      boolean measured = false;
      Double loss = null;
      if (result == null && failure == null && live.runs().get(i).held() != null) {
        Optional<double[]> found = group.heldOut(i);
        measured = found.isPresent();
        loss = measured ? loss(live, i, found.orElseThrow()) : null;
      }
      boolean finished = result != null && result.state() == RunState.FINISHED;
      reached.add(new Reached(name, live.number(), group.steps(i), finished, why, measured, loss));
    }
    return reached;
  }

  private @Nullable Double loss(Live live, int member, double[] losses) {
    Dataset held = Objects.requireNonNull(live.runs().get(member).held());
    HeldRows now = HeldRows.of(live.group().steps(member), held, losses);
    if (!live.group().hasBest(member)) {
      now.write(Leaderboard.held(out, live.names().get(member)));
    }
    return Double.isFinite(now.mean()) ? now.mean() : null;
  }
}
