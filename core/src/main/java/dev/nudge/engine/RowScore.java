package dev.nudge.engine;

/// The log-probability that a model gives to the completion of one row.
///
/// @param index index of the row, from 0, bad rows counted
/// @param tokens number of scored tokens, the end token included
/// @param logprob sum of their log-probabilities, natural log
/// @param greedy whether each scored token is the most likely one
public record RowScore(int index, int tokens, double logprob, boolean greedy) {}
