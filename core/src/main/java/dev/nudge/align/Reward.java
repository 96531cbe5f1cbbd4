package dev.nudge.align;

/// Says what a completion is worth. `train --objective grpo --reward NAME` finds implementations by
/// the service loader: on the class path, or in the jar of `--reward-jar`, with its
/// `META-INF/services/dev.nudge.align.Reward`.
///
/// Threading: any number of threads at once.
public interface Reward {
  /// Its name, as `--reward` gives it: letters, digits, dots and dashes.
  String name();

  /// Returns what a completion is worth. A number that is not finite, an exception and an answer
  /// later than [Rewards#SECONDS] are failures: the completion is counted and not trained on.
  double of(Sample sample) throws Exception;
}
