package dev.nudge.settings.train;

import dev.nudge.settings.Withers;

/// Withers for the held-out rows.
///
/// @param <S> the record that holds them
public interface EvalWithers<S extends Record> extends Withers<S> {
  /// The held-out rows; the checkpoint with the lowest loss on them is kept.
  default S withEvalData(String fileOrGlob) {
    return with("eval_data", fileOrGlob);
  }

  /// Steps between two held-out losses.
  default S withEvalSteps(int steps) {
    return with("eval_steps", steps);
  }
}
