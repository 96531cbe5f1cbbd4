package dev.nudge.format;

/// The names of a run's files, and of keys of its `run.json` that several packages read.
public final class RunFiles {
  public static final String RUN = "run.json";
  public static final String METRICS = "metrics.jsonl";

  /// The folder of what is saved after the last step, if an earlier step is the best.
  public static final String LAST = "last";

  /// `running` (for ever once a run is killed), `finished`, `stopped` or `failed`.
  public static final String STATE = "state";

  /// Why a failed run failed, one line.
  public static final String FAILURE = "failure";

  /// The step of the last save; missing before it.
  public static final String SAVED_STEP = "saved_step";

  public static final String PLANNED_STEPS = "planned_steps";

  private RunFiles() {}
}
