package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// What an experiment has come to: when it began, what was decided, how it ended.
///
/// Threading: the experiment's lock.
final class History {
  private static final long PAUSE = 10_000; // milliseconds

  private long created;
  private ExperimentEvent.@Nullable Decided decided;
  private ExperimentEvent.@Nullable Stopped stopped;
  private ExperimentEvent.@Nullable RolledBack rolledBack;
  private boolean rollingBack;
  private long again; // when it may be tried, milliseconds since 1970

  void apply(ExperimentEvent event) {
    switch (event) {
      case ExperimentEvent.Created begun -> created = begun.at();
      case ExperimentEvent.Decided verdict -> decided = verdict;
      case ExperimentEvent.Stopped end -> stopped = end;
      case ExperimentEvent.RolledBack done -> rolledBack = done;
      case ExperimentEvent.Assigned _,
          ExperimentEvent.Ended _,
          ExperimentEvent.Given _,
          ExperimentEvent.Staged _ -> {}
    }
  }

  /// Milliseconds since 1970.
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

  /// What is to be rolled back and nobody does yet; null: nothing, or not again so soon.
  ///
  /// @param now milliseconds since 1970
  ExperimentEvent.@Nullable Stopped takeRollBack(long now) {
    boolean wanted =
        stopped != null
            && stopped.harmful() != null
            && rolledBack == null
            && !rollingBack
            && now >= again;
    rollingBack |= wanted;
    return wanted ? stopped : null;
  }

  /// Says that it could not be done now, so it is tried again.
  void rollBackFailed(long now) {
    rollingBack = false;
    again = now + PAUSE;
  }
}
