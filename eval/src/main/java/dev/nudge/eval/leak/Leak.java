package dev.nudge.eval.leak;

import java.util.Map;

/// An evaluation item that occurs in the training set.
///
/// @param id id of the item
/// @param witnesses index (from 0) of a training row for each kind found: the first equal row, the
///     row that covers most of the item, the most similar row
/// @param covered share of the item's words covered by n-grams of training rows, from 0 to 1
/// @param likeness largest share of 5-grams in common with one row; 0 without a near duplicate
public record Leak(String id, Map<LeakKind, Long> witnesses, double covered, double likeness) {
  public Leak {
    witnesses = Map.copyOf(witnesses);
  }
}
