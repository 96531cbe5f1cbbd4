package dev.nudge.eval.sweep;

import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.Prepared;
import dev.nudge.train.Training;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/// The settings of a sweep that one worker trains.
public final class SweepShare {
  private SweepShare() {}

  /// Trains settings of a sweep up to a step, in as few groups as the machine's memory holds, and
  /// leaves those that go on with a checkpoint. What an earlier attempt has done is not done again.
  ///
  /// @param runs whose folders are in the sweep's
  /// @param watcher of which warnings and events are told
  /// @param cancelled asked between steps
  /// @throws InputException if a setting cannot be trained on this machine
  /// @throws RunException if it is cancelled, or a run fails by other than divergence
  public static List<Reached> train(
      List<TrainSettings> runs,
      int step,
      Machine machine,
      Sweep.Watcher watcher,
      BooleanSupplier cancelled) {
    Map<String, TrainSettings> named = new LinkedHashMap<>();
    runs.forEach(run -> named.put(name(run), run));
    List<Reached> reached = new ArrayList<>();
    List<String> open = new ArrayList<>();
    for (Map.Entry<String, TrainSettings> one : named.entrySet()) {
      if (Training.finished(one.getValue())) {
        reached.add(Reached.finishedBefore(one.getKey()));
      } else {
        open.add(one.getKey());
      }
    }
    if (open.isEmpty()) {
      return reached;
    }
    Path out = Objects.requireNonNull(runs.getFirst().output().out().getParent());
    Training.Shared shared = new Training.Shared();
    try (SweepGroups groups =
        new SweepGroups(
            out,
            List.of(),
            names -> names.stream().map(name -> prepared(named, name, machine, shared)).toList(),
            watcher,
            cancelled)) {
      if (!groups.train(open, step, reached::addAll)) {
        throw new RunException("stopped");
      }
      groups.stop();
    }
    return reached;
  }

  private static Prepared prepared(
      Map<String, TrainSettings> named, String name, Machine machine, Training.Shared shared) {
    try {
      return Training.prepare(Objects.requireNonNull(named.get(name)), machine.again(), shared);
    } catch (InputException e) {
      throw SweepFile.refused(name, e);
    }
  }

  /// The name of a setting: its folder's.
  static String name(TrainSettings run) {
    return String.valueOf(run.output().out().getFileName());
  }
}
