package dev.nudge.settings.train;

import dev.nudge.settings.Withers;
import dev.nudge.settings.verb.EvalSplit;

/// Withers for the held-out rows.
///
/// @param <S> the record that holds them
public interface EvalWithers<S extends Record> extends Withers<S> {
  /// The held-out rows; the checkpoint with the lowest loss on them is kept.
  default S withEvalData(String fileOrGlob) {
    return with("eval_data", fileOrGlob);
  }

  /// Rows of the data that are held out: `test`, `0.05`, `0.05:customer_id`.
  default S withEvalSplit(EvalSplit split) {
    return with("eval_split", split);
  }

  /// Steps between two held-out losses.
  default S withEvalSteps(int steps) {
    return with("eval_steps", steps);
  }
}
