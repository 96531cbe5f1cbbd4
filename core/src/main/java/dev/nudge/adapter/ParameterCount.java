package dev.nudge.adapter;

import java.util.Locale;

/// Counts what trains against everything, as PEFT's `print_trainable_parameters` does.
///
/// @param trained numbers that the optimiser changes
/// @param all those and the frozen base, a tied weight counted once
public record ParameterCount(long trained, long all) {
  /// The trained share, in [0, 1].
  public double share() {
    return (double) trained / all;
  }

  /// Writes the counts as one line for a person.
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT, "%,d of %,d parameters are trained (%.2f %%)", trained, all, 100 * share());
  }
}
