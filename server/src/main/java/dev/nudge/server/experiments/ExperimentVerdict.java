package dev.nudge.server.experiments;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// What an experiment says so far.
///
/// @param state the kind of it
/// @param arm which arm is better or worse than the first; null where that is not said
/// @param reason one line for people
public record ExperimentVerdict(State state, @Nullable String arm, String reason) {

  /// The kinds of verdicts.
  public enum State {
    /// Not enough is known.
    COLLECTING,
    /// Every difference that is not refuted is too small to matter.
    NO_DIFFERENCE,
    /// An arm is better than the first.
    BETTER,
    /// An arm is worse than the first, by the metric or by a guardrail; the experiment has stopped.
    WORSE,
    /// The numbers may not be believed.
    INVALID;

    /// As users read it: `no difference`.
    public String word() {
      return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
  }
}
