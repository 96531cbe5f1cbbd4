package dev.nudge.server.experiments;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The current verdict of an experiment.
///
/// @param state the kind of verdict
/// @param arm the arm that is better or worse than the control; null: none
/// @param reason explanation on one line
public record ExperimentVerdict(State state, @Nullable String arm, String reason) {

  /// The kinds of verdicts.
  public enum State {
    /// Not enough data yet.
    COLLECTING,
    /// A user stopped it before there was a verdict.
    UNDECIDED,
    /// All intervals are within the equivalence margin.
    NO_DIFFERENCE,
    /// An arm is better than the control.
    BETTER,
    /// An arm is worse than the control, by the metric or a guardrail; the experiment has stopped.
    WORSE,
    /// The data are not trustworthy.
    INVALID;

    /// Returns the display text: `no difference`.
    public String word() {
      return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
  }
}
