package dev.nudge.eval.leak;

import java.util.Map;

/// An item that stands in the training set.
///
/// @param id the item's
/// @param witnesses for each kind that was found the number of a training row, from 0: the first
///     that is the item, the one that adds most to what is covered, the one nearest to it
/// @param covered the share of the item's words that runs of training rows cover, from 0 to 1
/// @param likeness the largest share of runs of five words that a row has in common with it;
///     0 where none is near
public record Leak(String id, Map<LeakKind, Long> witnesses, double covered, double likeness) {
  public Leak {
    witnesses = Map.copyOf(witnesses);
  }
}
