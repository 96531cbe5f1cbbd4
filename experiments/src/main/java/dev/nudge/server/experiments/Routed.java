package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// A request with its assigned arm.
///
/// [#await] makes the assignment durable before the first byte of the answer is sent; the answer
/// may already be computed meanwhile.
public final class Routed {
  private final Experiment experiment;
  private final String request;
  private final Arm arm;
  private final @Nullable Arm shadow;
  private final long place;

  /// @param place position in the log; −1 if not written
  Routed(Experiment experiment, String request, Arm arm, @Nullable Arm shadow, long place) {
    this.experiment = experiment;
    this.request = request;
    this.arm = arm;
    this.shadow = shadow;
    this.place = place;
  }

  /// Returns the experiment's name.
  public String experiment() {
    return experiment.definition().name();
  }

  /// Returns the arm that answers; its digest is fixed, even if its alias moves.
  public Arm arm() {
    return arm;
  }

  /// Returns the shadow arm that answers the same prompt unseen; null: none.
  public @Nullable Arm shadow() {
    return shadow;
  }

  /// Whether the request takes part; false after the end of the experiment.
  public boolean counts() {
    return place >= 0;
  }

  /// Waits until the assignment is on disk; false if it could not be written.
  public boolean await() {
    return experiment.await(place);
  }

  /// Reports the end of an arm's answer: once for [#arm], once for [#shadow].
  public void ended(Arm answered, AnswerFacts facts) {
    if (counts()) {
      experiment.ended(request, answered, facts);
    }
  }
}
