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
import org.jspecify.annotations.Nullable;

/// Processes that train the groups of a sweep, each by [#share], in folders that this
/// process sees too.
///
/// Threading: the thread that runs the sweep calls.
public interface SweepWorkers {
  /// A worker, as runs are checked and grouped here before they start. Whether its memory is
  /// enough is a question to the worker.
  Machine machine();

  /// How many groups train at once.
  int places();

  /// A run of a share.
  ///
  /// @param steps of the whole run
  record Planned(TrainSettings settings, int steps) {}

  /// Trains shares up to a step, each by one worker, and begins those anew whose worker is lost.
  ///
  /// @param watcher told of warnings and steps
  /// @return how far the settings of each share came, in the order of the shares; empty if the
  ///     sweep was cancelled, after all workers have left the folders
  /// @throws dev.nudge.settings.InputException if a worker cannot train a setting
  /// @throws dev.nudge.settings.RunException if a share failed too often
  List<List<Reached>> train(List<List<Planned>> shares, int step, Sweep.Watcher watcher);

  /// How far a setting came, of those that trained up to a step.
  ///
  /// @param group in which it trained, from 1
  /// @param steps made; 0 if an earlier attempt has finished the run
  /// @param finished whether its run has come to its end
  /// @param failure why its run diverged; null: it did not
  /// @param measured whether it goes on, and its held-out loss was taken
  /// @param loss held-out loss; null: not finite, or not taken
  record Reached(
      String name,
      int group,
      int steps,
      boolean finished,
      @Nullable String failure,
      boolean measured,
      @Nullable Double loss) {
    static Reached finishedBefore(String name) {
      return new Reached(name, 1, 0, true, null, false, null);
    }

    /// The same in the group of another number.
    Reached in(int number) {
      return new Reached(name, number, steps, finished, failure, measured, loss);
    }
  }

  /// Trains settings of a sweep up to a step, in as few groups as the machine's memory holds, and
  /// leaves those that go on with a checkpoint. What an earlier attempt has done is not done again.
  ///
  /// @param runs whose folders are in the sweep's
  /// @param watcher of which warnings and events are told
  /// @param cancelled asked between steps
  /// @throws InputException if a setting cannot be trained on this machine
  /// @throws RunException if it is cancelled, or a run fails by other than divergence
  static List<Reached> share(
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
    Training.SharedInputs shared = new Training.SharedInputs();
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
      Map<String, TrainSettings> named,
      String name,
      Machine machine,
      Training.SharedInputs shared) {
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
