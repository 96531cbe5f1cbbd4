package dev.nudge.generate;

/// A completion and what ended it.
///
/// @param text without special tokens and without the stop string
/// @param tokens their number, the end token included
public record Completion(String text, int tokens, Stop stop) {
  /// What ended it.
  public enum Stop {
    /// An end token.
    EOS,
    /// As many tokens as were allowed.
    LENGTH,
    /// A stop string.
    STRING,
    /// An interrupt of the thread that asked; the text is what there was until then.
    INTERRUPTED
  }
}
