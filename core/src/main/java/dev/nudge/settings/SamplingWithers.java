package dev.nudge.settings;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

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

  /// Above 0: tokens that the completion has become less likely; -2 to 2.
  default S withPresencePenalty(double penalty) {
    return with("presence_penalty", penalty);
  }

  /// Above 0: tokens become less likely each time that the completion has them; -2 to 2.
  default S withFrequencyPenalty(double penalty) {
    return with("frequency_penalty", penalty);
  }

  /// What is added to the logits of tokens by their ids, -100 to 100.
  default S withLogitBias(Map<Integer, Double> biases) {
    return with(
        "logit_bias",
        biases.entrySet().stream().map(b -> b.getKey() + "=" + b.getValue()).sorted().toList());
  }

  /// The completions of each prompt.
  default S withN(int completions) {
    return with("n", completions);
  }

  /// The seed of the sampling.
  default S withSeed(long seed) {
    return with("seed", seed);
  }

  /// Texts that end a completion.
  default S withStop(String... texts) {
    return with("stop", List.of(texts));
  }

  /// Ids of tokens that end a completion.
  default S withStopId(int... ids) {
    return with("stop_id", Arrays.stream(ids).mapToObj(String::valueOf).toList());
  }

  /// Tokens before anything but the most tokens may end a completion.
  default S withMinTokens(int tokens) {
    return with("min_tokens", tokens);
  }

  /// The completion is what this regular expression matches.
  default S withRegex(String pattern) {
    return with("regex", pattern);
  }

  /// The completion is JSON of the schema in this file.
  default S withJsonSchema(Path file) {
    return with("json_schema", file);
  }

  /// Tells each token with its log-probability.
  default S withLogprobs(boolean told) {
    return with("logprobs", told);
  }

  /// And this many of the likeliest tokens in its place.
  default S withTopLogprobs(int tokens) {
    return with("top_logprobs", tokens);
  }

  /// The most tokens of a completion.
  default S withMaxTokens(int tokens) {
    return with("max_tokens", tokens);
  }
}
