package dev.nudge.settings.verb;

import dev.nudge.settings.TrainOn;
import dev.nudge.settings.Withers;

/// Withers for the messages that are trained or scored.
///
/// @param <S> the record that holds it
public interface TrainOnWithers<S extends Record> extends Withers<S> {
  /// The messages of a conversation that are trained.
  default S withTrainOn(TrainOn part) {
    return with("train_on", part);
  }
}
