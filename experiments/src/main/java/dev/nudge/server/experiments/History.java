package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// Lifecycle state of an experiment: start, verdict, stop, rollback.
///
/// Threading: guarded by the experiment's lock.
final class History {
  private static final long PAUSE = 10_000; // milliseconds

  private long created;
  private ExperimentEvent.@Nullable Decided decided;
  private ExperimentEvent.@Nullable Stopped stopped;
  private ExperimentEvent.@Nullable RolledBack rolledBack;
  private boolean rollingBack;
  private @Nullable String failure; // reason of the last failed attempt
  private long nextAttempt; // earliest time of the next attempt, milliseconds since 1970

  void apply(ExperimentEvent event) {
    switch (event) {
      case ExperimentEvent.Created begun -> created = begun.at();
      case ExperimentEvent.Decided verdict -> decided = verdict;
      case ExperimentEvent.Stopped end -> stopped = end;
      case ExperimentEvent.RolledBack done -> rolledBack = done;
      case ExperimentEvent.Assigned _,
          ExperimentEvent.Ended _,
          ExperimentEvent.FeedbackEvent _,
          ExperimentEvent.Staged _ -> {}
    }
  }

  /// Unix time in milliseconds.
  long created() {
    return created;
  }

  ExperimentEvent.@Nullable Decided decided() {
    return decided;
  }

  ExperimentEvent.@Nullable Stopped stopped() {
    return stopped;
  }

  ExperimentEvent.@Nullable RolledBack rolledBack() {
    return rolledBack;
  }

  /// Returns why the rollback failed so far; null if it did not, or was not tried.
  @Nullable String failure() {
    return rolledBack == null ? failure : rolledBack.error();
  }

  /// Claims a pending rollback; null if there is none, one is running, or the last attempt was
  /// just now.
  ///
  /// @param now Unix time in milliseconds
  ExperimentEvent.@Nullable Stopped takeRollBack(long now) {
    boolean wanted =
        stopped != null
            && stopped.harmful() != null
            && rolledBack == null
            && !rollingBack
            && now >= nextAttempt;
    rollingBack |= wanted;
    return wanted ? stopped : null;
  }

  /// Schedules another attempt after a failed rollback.
  ///
  /// @param why the reason of the failure
  void rollBackFailed(long now, String why) {
    failure = why;
    rollingBack = false;
    nextAttempt = now + PAUSE;
  }
}
