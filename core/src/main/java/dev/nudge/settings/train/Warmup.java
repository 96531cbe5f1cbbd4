package dev.nudge.settings.train;

import dev.nudge.settings.Check;
import dev.nudge.settings.SettingType;

/// The length of the warm-up: a whole number of steps, or below 1 a share of all steps. Anything
/// else, such as 1.5, is refused.
///
/// @param value as given
public record Warmup(double value) {
  private static final String ALLOWED = "a whole number of steps, or a share of at least 0 below 1";

  public Warmup {
    if (!allowed(value)) {
      throw Check.wrong("--warmup", value, ALLOWED);
    }
  }

  /// Parses `100` or `0.03`.
  public static Warmup parse(String text) {
    Double value = SettingType.decimal(text);
    if (value == null || !allowed(value)) {
      throw new IllegalArgumentException(ALLOWED);
    }
    return new Warmup(value);
  }

  /// Returns the steps of warm-up in a run of `steps`: ⌈share · steps⌉ for a share.
  public int steps(int steps) {
    return (int) (value < 1 ? Math.ceil(value * steps) : value);
  }

  @Override
  public String toString() {
    return Check.number(value);
  }

  private static boolean allowed(double value) {
    return value >= 0 && (value < 1 || value == Math.rint(value) && value <= Integer.MAX_VALUE);
  }
}
