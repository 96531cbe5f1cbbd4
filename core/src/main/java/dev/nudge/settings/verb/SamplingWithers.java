package dev.nudge.settings.verb;

import dev.nudge.settings.Withers;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/// Withers for the sampling parameters.
///
/// @param <S> the record that holds them
public interface SamplingWithers<S extends Record> extends Withers<S> {
  /// The temperature; 0: greedy, higher: more random.
  default S withTemperature(double temperature) {
    return with("temperature", temperature);
  }

  /// Top-p: sample from the likeliest tokens that hold this share.
  default S withTopP(double share) {
    return with("top_p", share);
  }

  /// Top-k: sample from this many likeliest tokens.
  default S withTopK(int tokens) {
    return with("top_k", tokens);
  }

  /// Min-p: drop tokens below this share of the likeliest one's probability.
  default S withMinP(double share) {
    return with("min_p", share);
  }

  /// The repetition penalty; above 1: earlier tokens become less likely.
  default S withRepetitionPenalty(double penalty) {
    return with("repetition_penalty", penalty);
  }

  /// The presence penalty, -2 to 2; above 0: tokens of the completion become less likely.
  default S withPresencePenalty(double penalty) {
    return with("presence_penalty", penalty);
  }

  /// The frequency penalty, -2 to 2; above 0: tokens become less likely with each occurrence.
  default S withFrequencyPenalty(double penalty) {
    return with("frequency_penalty", penalty);
  }

  /// The logit biases by token id, -100 to 100.
  default S withLogitBias(Map<Integer, Double> biases) {
    return with(
        "logit_bias",
        biases.entrySet().stream().map(b -> b.getKey() + "=" + b.getValue()).sorted().toList());
  }

  /// The completions per prompt.
  default S withN(int completions) {
    return with("n", completions);
  }

  /// The seed of the sampling.
  default S withSeed(long seed) {
    return with("seed", seed);
  }

  /// The stop strings.
  default S withStop(String... texts) {
    return with("stop", List.of(texts));
  }

  /// The stop token ids.
  default S withStopId(int... ids) {
    return with("stop_id", Arrays.stream(ids).mapToObj(String::valueOf).toList());
  }

  /// The tokens before which only the maximum length may end a completion.
  default S withMinTokens(int tokens) {
    return with("min_tokens", tokens);
  }

  /// A regular expression that the completion must match.
  default S withRegex(String pattern) {
    return with("regex", pattern);
  }

  /// A file with a JSON schema that the completion must fulfil.
  default S withJsonSchema(Path file) {
    return with("json_schema", file);
  }

  /// Whether to return each token's log-probability.
  default S withLogprobs(boolean told) {
    return with("logprobs", told);
  }

  /// The number of likeliest tokens to return for each place.
  default S withTopLogprobs(int tokens) {
    return with("top_logprobs", tokens);
  }

  /// The most tokens of a completion.
  default S withMaxTokens(int tokens) {
    return with("max_tokens", tokens);
  }
}
