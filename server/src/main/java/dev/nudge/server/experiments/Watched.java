package dev.nudge.server.experiments;

/// What a guardrail says of an arm.
///
/// @param arm its index
/// @param p of "it is at most as much worse as is tolerated", at all times at once
/// @param adjusted the same by Holm's method for all guardrails and arms
record Watched(Guardrail guardrail, int arm, double p, double adjusted) {

  Watched adjustedTo(double other) {
    return new Watched(guardrail, arm, p, other);
  }
}
