package dev.nudge.engine;

/// Says how likely a model finds the completion of one row.
///
/// @param index of the row, from 0, bad rows counted
/// @param tokens scored, the end token included
/// @param logprob their sum, natural log
/// @param greedy whether each of them is the likeliest token
public record RowScore(int index, int tokens, double logprob, boolean greedy) {}
