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

/// Processes that train the groups of a sweep, each by [#share], in folders that this process also
/// sees.
///
/// Threading: the thread that runs the sweep calls.
public interface SweepWorkers {
  /// Returns a worker's machine, to check and group runs here before they start. Each worker checks
  /// its own memory.
  Machine machine();

  /// Returns how many groups train in parallel.
  int places();

  /// A run of a share.
  ///
  /// @param steps steps of the whole run
  record Planned(TrainSettings settings, int steps) {}

  /// Trains shares up to a step, each by one worker, and restarts shares whose worker is lost.
  ///
  /// @param watcher receives warnings and steps
  /// @return the progress of the settings of each share, in the order of the shares; empty if
  ///     cancelled, after all workers have released the folders
  /// @throws dev.nudge.settings.InputException if a worker cannot train a setting
  /// @throws dev.nudge.settings.RunException if a share failed too often
  List<List<Reached>> train(List<List<Planned>> shares, int step, Sweep.Watcher watcher);

  /// The progress of a setting that trained up to a step.
  ///
  /// @param group number of its group, from 1
  /// @param steps completed steps; 0 if an earlier attempt has finished the run
  /// @param finished whether its run is finished
  /// @param failure why its run diverged; null: it did not
  /// @param measured whether it continues, and its held-out loss was measured
  /// @param loss held-out loss; null: not finite, or not measured
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

    /// Returns the same progress with another group number.
    Reached in(int number) {
      return new Reached(name, number, steps, finished, failure, measured, loss);
    }
  }

  /// Trains settings of a sweep up to a step, in as few groups as the machine's memory allows, and
  /// saves checkpoints of the unfinished ones. Work of an earlier attempt is not repeated.
  ///
  /// @param runs runs whose folders are in the sweep's folder
  /// @param watcher receives warnings and events
  /// @param cancelled polled between steps
  /// @throws InputException if a setting cannot be trained on this machine
  /// @throws RunException if cancelled, or if a run fails for another reason than divergence
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

  /// Returns the name of a setting, which is its folder's name.
  static String name(TrainSettings run) {
    return String.valueOf(run.output().out().getFileName());
  }
}
