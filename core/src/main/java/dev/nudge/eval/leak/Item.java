package dev.nudge.eval.leak;

/// An item of an evaluation.
///
/// @param id by which it is told
/// @param text what would give it away: a question, or a question and its answer
public record Item(String id, String text) {}
