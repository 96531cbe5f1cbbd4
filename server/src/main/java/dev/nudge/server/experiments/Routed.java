package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// A request that an experiment has given an arm.
///
/// Before the first byte of the answer goes out, [#await] brings the assignment to the disk; until
/// then the request may be computed.
public final class Routed {
  private final Experiment experiment;
  private final String request;
  private final Arm arm;
  private final @Nullable String unit;
  private final @Nullable Arm shadow;
  private final long place;

  /// @param place in the log; −1 where it is not written
  Routed(
      Experiment experiment,
      String request,
      Arm arm,
      @Nullable String unit,
      @Nullable Arm shadow,
      long place) {
    this.experiment = experiment;
    this.request = request;
    this.arm = arm;
    this.unit = unit;
    this.shadow = shadow;
    this.place = place;
  }

  /// The experiment's name.
  public String experiment() {
    return experiment.definition().name();
  }

  /// Who answers; its digest, whatever its alias says by now.
  public Arm arm() {
    return arm;
  }

  /// The unit's key in hexadecimal digits; null where the request is nobody's.
  public @Nullable String unit() {
    return unit;
  }

  /// Who answers the same prompt unseen, without holding anybody up; null: nobody.
  public @Nullable Arm shadow() {
    return shadow;
  }

  /// Whether the request takes part; after the end of an experiment none does.
  public boolean counts() {
    return place >= 0;
  }

  /// Waits until the assignment is on the disk; false where it is not kept.
  public boolean await() {
    return experiment.await(place);
  }

  /// Tells how an arm's answer ended: once for [#arm], once for [#shadow].
  public void ended(Arm of, AnswerFacts facts) {
    if (counts()) {
      experiment.ended(request, of, facts);
    }
  }
}
