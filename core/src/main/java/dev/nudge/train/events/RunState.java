package dev.nudge.train.events;

/// The state of a run; `run.json` has it in lower case.
public enum RunState {
  RUNNING,
  FINISHED,
  /// Ended by a signal; the adapter was saved as it was, unless nothing was trained yet.
  STOPPED,
  FAILED
}
