package dev.nudge.format;

/// The names of a run's files, and of keys of its `run.json` that several packages read.
public final class RunFiles {
  public static final String RUN = "run.json";
  public static final String METRICS = "metrics.jsonl";

  /// The folder of the adapter after the last step, if an earlier step is the best.
  public static final String LAST = "last";

  /// `running` (also after a run was killed), `finished`, `stopped` or `failed`.
  public static final String STATE = "state";

  /// The reason why a run failed, on one line.
  public static final String FAILURE = "failure";

  /// The step of the last save; absent before the first.
  public static final String SAVED_STEP = "saved_step";

  public static final String PLANNED_STEPS = "planned_steps";

  private RunFiles() {}
}
