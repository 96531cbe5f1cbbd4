package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// What an experiment has come to: when it began, what was decided, how it ended.
///
/// Threading: the experiment's lock.
final class History {
  private static final long PAUSE = 10_000; // milliseconds

  private long created;
  private Event.@Nullable Decided decided;
  private Event.@Nullable Stopped stopped;
  private Event.@Nullable RolledBack rolledBack;
  private boolean rollingBack;
  private long again; // when it may be tried, milliseconds since 1970

  void apply(Event event) {
    switch (event) {
      case Event.Created begun -> created = begun.at();
      case Event.Decided verdict -> decided = verdict;
      case Event.Stopped end -> stopped = end;
      case Event.RolledBack done -> rolledBack = done;
      case Event.Assigned _, Event.Ended _, Event.Given _, Event.Staged _ -> {}
    }
  }

  /// Milliseconds since 1970.
  long created() {
    return created;
  }

  Event.@Nullable Decided decided() {
    return decided;
  }

  Event.@Nullable Stopped stopped() {
    return stopped;
  }

  Event.@Nullable RolledBack rolledBack() {
    return rolledBack;
  }

  /// What is to be rolled back and nobody does yet; null: nothing, or not again so soon.
  ///
  /// @param now milliseconds since 1970
  Event.@Nullable Stopped takeRollBack(long now) {
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
