package dev.nudge.runs;

/// The names of a run's files.
final class RunFiles {
  static final String RUN = "run.json";
  static final String METRICS = "metrics.jsonl";

  private RunFiles() {}
}
