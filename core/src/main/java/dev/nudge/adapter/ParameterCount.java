package dev.nudge.adapter;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Trainable parameters against all parameters, as in PEFT's `print_trainable_parameters`.
///
/// @param trained trainable numbers
/// @param all trainable and frozen numbers, a tied weight counted once
/// @param on kinds of layers that an adapter of a model with experts is on, and those that it is
///     not on; null: there is nothing to tell apart
public record ParameterCount(long trained, long all, @Nullable String on) {
  public ParameterCount(long trained, long all) {
    this(trained, all, null);
  }

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
