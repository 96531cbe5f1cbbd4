package dev.nudge.eval.sweep;

import dev.nudge.eval.sweep.SweepWorkers.Reached;
import dev.nudge.train.GroupPlan;
import dev.nudge.train.Prepared;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;

/// Trains settings by workers: groups are split as long as there are idle workers. A setting's
/// bytes do not depend on its group.
///
/// Threading: one thread calls.
final class SweepSpread implements SweepTraining.Places {
  private final SweepWorkers workers;
  private final Sweep.Watcher watcher;
  private final List<List<String>> groups = new ArrayList<>();
  private final Map<String, SweepWorkers.Planned> runs = new LinkedHashMap<>();

  SweepSpread(List<Prepared> prepared, SweepWorkers workers, Sweep.Watcher watcher) {
    this.workers = workers;
    this.watcher = watcher;
    for (Prepared run : prepared) {
      runs.put(
          SweepWorkers.name(run.settings()), new SweepWorkers.Planned(run.settings(), run.steps()));
    }
    List<String> names = List.copyOf(runs.keySet());
    for (GroupPlan group : GroupPlan.of(prepared)) {
      groups.add(group.members().stream().map(names::get).toList());
    }
  }

  @Override
  public boolean train(List<String> names, int target, Consumer<List<Reached>> told) {
    List<List<String>> going = new ArrayList<>();
    for (List<String> group : groups) {
      List<String> rest = group.stream().filter(names::contains).toList();
      if (!rest.isEmpty()) {
        going.add(rest);
      }
    }
    List<List<SweepWorkers.Planned>> shares =
        cut(going, workers.places()).stream()
            .map(
                share ->
                    share.stream().map(name -> Objects.requireNonNull(runs.get(name))).toList())
            .toList();
    List<List<Reached>> reached = workers.train(shares, target, watcher);
    int number = 0;
    for (List<Reached> share : reached) {
      int before = number; // number of groups in earlier shares
      told.accept(share.stream().map(one -> one.in(before + one.group())).toList());
      number += share.stream().mapToInt(Reached::group).max().orElse(0);
    }
    return !reached.isEmpty();
  }

  /// Halves the largest group until there are as many groups as places, or each has one setting.
  static List<List<String>> cut(List<List<String>> groups, int places) {
    List<List<String>> cut = new ArrayList<>(groups);
    while (cut.size() < places) {
      int largest = 0;
      for (int i = 1; i < cut.size(); i++) {
        largest = cut.get(i).size() > cut.get(largest).size() ? i : largest;
      }
      List<String> group = cut.get(largest);
      if (group.size() == 1) {
        break;
      }
      int half = (group.size() + 1) / 2;
      cut.set(largest, group.subList(0, half));
      cut.add(largest + 1, group.subList(half, group.size()));
    }
    return cut;
  }

  @Override
  public void stop(List<String> names) {
    // the worker has saved a checkpoint of each
  }

  @Override
  public void close() {
    // nothing stays loaded between rungs
  }
}
