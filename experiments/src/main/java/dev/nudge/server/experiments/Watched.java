package dev.nudge.server.experiments;

/// The test result of a guardrail for an arm.
///
/// @param arm index of the arm
/// @param p always-valid p-value of "at most as much worse as tolerated"
/// @param adjusted p after Holm's correction over all guardrails and arms
record Watched(Guardrail guardrail, int arm, double p, double adjusted) {

  Watched adjustedTo(double other) {
    return new Watched(guardrail, arm, p, other);
  }
}
