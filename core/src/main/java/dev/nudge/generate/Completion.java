package dev.nudge.generate;

/// A completion and what ended it.
///
/// @param text without special tokens and without the stop string
/// @param tokens their number, the end token included
public record Completion(String text, int tokens, Stop stop) {
  /// The reason why a completion ended.
  public enum Stop {
    /// An end token came.
    EOS,
    /// The completion has as many tokens as were allowed.
    LENGTH,
    /// A stop string came.
    STRING,
    /// The thread that asked was interrupted; the text is what there was until then.
    INTERRUPTED
  }
}
