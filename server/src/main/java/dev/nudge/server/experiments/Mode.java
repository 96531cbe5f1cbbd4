package dev.nudge.server.experiments;

/// How an experiment divides its traffic.
public enum Mode {
  /// Each unit has an arm, by the arms' weights.
  AB,
  /// The second arm gets more and more units, in stages, as long as nothing speaks against it.
  CANARY,
  /// The first arm answers; the second answers the same prompts unseen, so answers come in pairs.
  SHADOW
}
