package dev.nudge.settings;

/// Changes what of conversations is trained, or counts in a score.
///
/// @param <S> the record that holds it
public interface TrainOnWithers<S extends Record> extends Withers<S> {
  /// What of a conversation is trained.
  default S withTrainOn(TrainOn part) {
    return with("train_on", part);
  }
}
