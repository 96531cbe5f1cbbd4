package dev.nudge.train;

/// Says how far a run is, as `run.json` says it in lower case.
public enum RunState {
  RUNNING,
  FINISHED,
  /// A signal ended it; the adapter is saved as it stood, unless nothing was trained yet.
  STOPPED,
  FAILED
}
