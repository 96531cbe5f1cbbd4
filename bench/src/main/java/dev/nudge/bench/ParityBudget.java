package dev.nudge.bench;

import java.util.OptionalDouble;
import java.util.function.Predicate;

/// Says whether a part of the parity study would end in the time there is, by the times of parts
/// that were done.
///
/// @param results what is done
/// @param seconds of this call
/// @param all seconds of the second round
record ParityBudget(ParityResults results, double seconds, double all) {
  /// What the second round of the study may take, on two cores.
  static final double EIGHT_HOURS = 8 * 3600;

  private static final double ROOM = 1.1;
  private static final double SHORT = 120; // of a base or a pilot, where none is done yet
  private static final double LONG = 360; // of a run

  /// Seconds that a part will take on two quiet cores: the most of parts of its kind in its domain,
  /// else of its kind.
  double expected(ParityPart part) {
    boolean brief = !part.isRun() && part.kind() != ParityPart.Kind.TUNE;
    OptionalDouble most = most(p -> p.kind() == part.kind() && p.domain().equals(part.domain()));
    if (most.isEmpty()) {
      most = most(p -> p.kind() == part.kind());
    }
    return most.isPresent() ? ROOM * most.getAsDouble() : brief ? SHORT : LONG;
  }

  private OptionalDouble most(Predicate<ParityPart> like) {
    return results.done().stream().filter(like).mapToDouble(results::seconds).max();
  }

  /// Whether a part would end in time.
  ///
  /// @param spent seconds of this call so far
  boolean allows(ParityPart part, double spent) {
    return spent + expected(part) <= seconds && !exceeds(part);
  }

  /// Whether a part would take the second round beyond its hours.
  boolean exceeds(ParityPart part) {
    return results.seconds(true) + expected(part) > all;
  }
}
