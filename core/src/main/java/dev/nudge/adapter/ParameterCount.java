package dev.nudge.adapter;

import java.util.Locale;

/// Trainable parameters against all parameters, as in PEFT's `print_trainable_parameters`.
///
/// @param trained trainable numbers
/// @param all trainable and frozen numbers, a tied weight counted once
public record ParameterCount(long trained, long all) {
  /// The trained share, in [0, 1].
  public double share() {
    return (double) trained / all;
  }

  /// Formats the counts as one line for people.
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT, "%,d of %,d parameters are trained (%.2f %%)", trained, all, 100 * share());
  }
}
