package dev.nudge.eval.sweep;

import org.jspecify.annotations.Nullable;

/// How far a setting came, of those that trained up to a step.
///
/// @param group in which it trained, from 1
/// @param steps made; 0 if an earlier attempt has finished the run
/// @param finished whether its run has come to its end
/// @param failure why its run diverged; null: it did not
/// @param measured whether it goes on, and its held-out loss was taken
/// @param loss held-out loss; null: not finite, or not taken
public record Reached(
    String name,
    int group,
    int steps,
    boolean finished,
    @Nullable String failure,
    boolean measured,
    @Nullable Double loss) {
  static Reached finishedBefore(String name) {
    return new Reached(name, 1, 0, true, null, false, null);
  }

  /// The same in the group of another number.
  Reached in(int number) {
    return new Reached(name, number, steps, finished, failure, measured, loss);
  }
}
