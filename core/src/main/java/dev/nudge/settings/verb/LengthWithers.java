package dev.nudge.settings.verb;

import dev.nudge.settings.Withers;

/// Withers for rows that are too long.
///
/// @param <S> the record that holds them
public interface LengthWithers<S extends Record> extends Withers<S> {
  /// Whether a row that is too long is truncated.
  default S withTruncate(boolean cut) {
    return with("truncate", cut);
  }

  /// Whether a text row that is too long is split into several.
  default S withSplit(boolean split) {
    return with("split", split);
  }

  /// Whether texts are concatenated and cut into sequences of one length.
  default S withConcatenate(boolean join) {
    return with("concatenate", join);
  }
}
