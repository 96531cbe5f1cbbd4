package dev.nudge.text;

/// Holds the tokens of one text.
///
/// The arrays are the caller's own and have one entry a token.
///
/// @param ids token ids
/// @param starts first character of each token in the text, in Unicode code points; -1 for a token
///     that the tokenizer's post-processor added
/// @param ends the code point behind the last one of each token; -1 as above. The tokens of one
///     character that is split into bytes all have that character's span
@SuppressWarnings("ArrayRecordComponent")
public record Encoded(int[] ids, int[] starts, int[] ends) {

  /// Returns the number of tokens.
  public int length() {
    return ids.length;
  }
}
