package dev.nudge.settings;

import java.util.List;

/// Changes how tokens are chosen.
///
/// @param <S> the record that holds them
public interface SamplingWithers<S extends Record> extends Withers<S> {
  /// 0: greedy; higher: more random.
  default S withTemperature(double temperature) {
    return with("temperature", temperature);
  }

  /// Sample from the likeliest tokens that hold this share.
  default S withTopP(double share) {
    return with("top_p", share);
  }

  /// Sample from this many likeliest tokens.
  default S withTopK(int tokens) {
    return with("top_k", tokens);
  }

  /// Drop tokens below this share of the likeliest one.
  default S withMinP(double share) {
    return with("min_p", share);
  }

  /// Above 1: tokens already there become less likely.
  default S withRepetitionPenalty(double penalty) {
    return with("repetition_penalty", penalty);
  }

  /// The seed of the sampling.
  default S withSeed(long seed) {
    return with("seed", seed);
  }

  /// Texts that end a completion.
  default S withStop(String... texts) {
    return with("stop", List.of(texts));
  }

  /// The most tokens of a completion.
  default S withMaxTokens(int tokens) {
    return with("max_tokens", tokens);
  }
}
