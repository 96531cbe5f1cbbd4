package dev.nudge.generate;

import com.fasterxml.jackson.annotation.JsonProperty;

/// A completion and what ended it.
///
/// @param text without special tokens and without the stop string
/// @param tokens their number, the end token included
public record Completion(@JsonProperty("completion") String text, int tokens, Stop stop) {
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

  /// Whether the first token was an end token, so that there is nothing to see.
  public boolean endedAtOnce() {
    return tokens == 1 && stop == Stop.EOS;
  }
}
