package dev.nudge.engine;

import com.fasterxml.jackson.annotation.JsonIgnore;

/// The log-probability that a model gives to the completion of one row, or the reward that a reward
/// model gives to a row.
///
/// @param index index of the row, from 0, bad rows counted
/// @param tokens number of scored tokens, the end token included; of a reward all tokens
/// @param logprob sum of their log-probabilities, natural log; or the reward
/// @param greedy whether each scored token is the most likely one
/// @param isReward whether it is a reward
public record RowScore(
    int index, int tokens, double logprob, boolean greedy, @JsonIgnore boolean isReward) {

  /// The log-probability of a completion.
  public RowScore(int index, int tokens, double logprob, boolean greedy) {
    this(index, tokens, logprob, greedy, false);
  }

  /// A reward, as it is written: `{"index", "tokens", "reward"}`.
  public record Reward(int index, int tokens, double reward) {}

  /// What is written of this row.
  public Record written() {
    return isReward ? new Reward(index, tokens, logprob) : this;
  }
}
