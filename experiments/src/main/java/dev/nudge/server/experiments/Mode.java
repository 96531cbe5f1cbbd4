package dev.nudge.server.experiments;

/// How an experiment divides its traffic.
public enum Mode {
  /// A/B test: each unit is in one arm, by weight.
  AB,
  /// Canary: the second arm gets more units in stages, unless a guardrail or the metric stops it.
  CANARY,
  /// Shadow: the first arm answers; the second answers the same prompts unseen, as pairs.
  SHADOW
}
