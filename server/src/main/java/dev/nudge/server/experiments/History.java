package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// What an experiment has come to: when it began, what was decided, how it ended.
///
/// Threading: the experiment's lock.
final class History {
  private long created;
  private Event.@Nullable Decided decided;
  private Event.@Nullable Stopped stopped;
  private Event.@Nullable RolledBack rolledBack;
  private boolean rollingBack;

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

  /// What is to be rolled back and nobody does yet; null: nothing.
  Event.@Nullable Stopped takeRollBack() {
    boolean wanted =
        stopped != null && stopped.harmful() != null && rolledBack == null && !rollingBack;
    rollingBack |= wanted;
    return wanted ? stopped : null;
  }
}
