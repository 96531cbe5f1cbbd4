package dev.nudge.text;

/// The tokens of a text with their offsets. The arrays belong to the caller, one entry per token.
///
/// @param ids token ids
/// @param starts offset of each token's first character, in Unicode code points; -1 for a token
///     that the post-processor added
/// @param ends exclusive end offset of each token; -1 as in `starts`. If a character is split into
///     several byte tokens, each has the character's span
public record Encoded(int[] ids, int[] starts, int[] ends) {

  /// Returns the number of tokens.
  public int length() {
    return ids.length;
  }
}
