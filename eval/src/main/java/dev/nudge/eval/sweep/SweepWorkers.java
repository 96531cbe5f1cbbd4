package dev.nudge.eval.sweep;

import dev.nudge.machine.Machine;
import dev.nudge.settings.train.TrainSettings;
import java.util.List;

/// Processes that train the groups of a sweep, each by [SweepShare#train], in folders that this
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
}
