package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// A request of an experiment that still accepts feedback.
///
/// Threading: guarded by the experiment's lock.
final class PendingRequest {
  final int arm;
  final Stage stage;
  final @Nullable UnitTally unit; // null: nobody's, or of one who had another arm before
  final boolean compared; // whether it tells something of its arm alone

  final @Nullable AnswerFacts[] facts = new AnswerFacts[2]; // of the arms of a shadow
  final @Nullable String[] responses = new String[2];
  final @Nullable Double[] scores = new Double[2]; // of the answers of the arms
  boolean preferred; // whether it was said which answer is

  PendingRequest(int arm, Stage stage, @Nullable UnitTally unit, boolean compared) {
    this.arm = arm;
    this.stage = stage;
    this.unit = unit;
    this.compared = compared;
  }
}
