package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// A request of an experiment that still accepts feedback.
///
/// Threading: guarded by the experiment's lock.
final class PendingRequest {
  final int arm;
  final Stage stage;
  final @Nullable UnitTally unit; // null: no unit, or one that had another arm before
  final boolean compared; // whether it counts in comparisons of the arms

  final @Nullable AnswerFacts[] facts = new AnswerFacts[2]; // by arm of a shadow
  final @Nullable String[] responses = new String[2];
  final @Nullable Double[] scores = new Double[2]; // by arm
  boolean preferred; // whether a preference was given

  PendingRequest(int arm, Stage stage, @Nullable UnitTally unit, boolean compared) {
    this.arm = arm;
    this.stage = stage;
    this.unit = unit;
    this.compared = compared;
  }
}
