package dev.nudge.runs;

/// The names of what a run leaves in its folder.
final class RunFiles {
  static final String RUN = "run.json";
  static final String METRICS = "metrics.jsonl";

  private RunFiles() {}
}
