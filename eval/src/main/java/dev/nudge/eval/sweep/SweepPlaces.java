package dev.nudge.eval.sweep;

import java.util.List;
import java.util.function.Consumer;

/// Trains settings of a sweep, here or elsewhere.
interface SweepPlaces extends AutoCloseable {
  /// Trains settings up to a step, from where their folders are.
  ///
  /// @param names of those that go on
  /// @param told receives how far each came, a list a group
  /// @return false if it was cancelled
  /// @throws dev.nudge.settings.InputException if a setting cannot be trained there
  /// @throws dev.nudge.settings.RunException if a group failed by other than a setting's divergence
  boolean train(List<String> names, int target, Consumer<List<Reached>> told);

  /// Stops settings that do not go on, each with a checkpoint.
  void stop(List<String> names);

  @Override
  void close();
}
