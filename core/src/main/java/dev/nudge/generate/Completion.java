package dev.nudge.generate;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A completion and why it ended.
///
/// @param text text without special tokens and without the stop string
/// @param tokens number of generated tokens, the end token included
/// @param logprobs log-probability of each token; null: not asked for
public record Completion(
    @JsonProperty("completion") String text,
    int tokens,
    Stop stop,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable List<TokenLogprob> logprobs) {
  /// A completion without log-probabilities.
  public Completion(String text, int tokens, Stop stop) {
    this(text, tokens, stop, null);
  }

  /// The reason why a completion ended.
  public enum Stop {
    /// The model generated an end token.
    EOS,
    /// The completion has reached its maximum length.
    LENGTH,
    /// The model generated a stop string.
    STRING,
    /// The model generated a stop token of the settings.
    TOKEN,
    /// The request was cancelled or its thread interrupted; the text ends there.
    INTERRUPTED
  }

  /// Whether the first token was an end token, so that the text is empty.
  public boolean endedAtOnce() {
    return tokens == 1 && stop == Stop.EOS;
  }
}
