package dev.nudge.settings;

/// Changes what happens to long rows.
///
/// @param <S> the record that holds them
public interface LengthWithers<S extends Record> extends Withers<S> {
  /// Whether the end of a row that is too long is cut.
  default S withTruncate(boolean cut) {
    return with("truncate", cut);
  }

  /// Whether a text row that is too long becomes several.
  default S withSplit(boolean split) {
    return with("split", split);
  }

  /// Whether texts are put behind each other and cut into sequences of one length.
  default S withConcatenate(boolean join) {
    return with("concatenate", join);
  }
}
