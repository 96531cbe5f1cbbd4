package dev.nudge.settings;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// Validates values in the constructors of settings. A message begins with the flag to change, and
/// says what was given and what is allowed.
public final class Check {
  private Check() {}

  public static void atLeast(String flag, @Nullable Number value, long least) {
    if (value != null && value.longValue() < least) {
      throw wrong(flag, value, "at least " + least);
    }
  }

  public static void positive(String flag, @Nullable Double value) {
    if (value != null && !(value > 0 && Double.isFinite(value))) {
      throw wrong(flag, value, "above 0");
    }
  }

  public static void notNegative(String flag, double value) {
    if (!(value >= 0 && Double.isFinite(value))) {
      throw wrong(flag, value, "0 or more");
    }
  }

  public static void between(String flag, double value, int least, int most) {
    if (!(value >= least && value <= most)) {
      throw wrong(flag, value, "from " + least + " to " + most);
    }
  }

  /// Allows 0 ≤ value < 1.
  public static void share(String flag, double value) {
    if (!(value >= 0 && value < 1)) {
      throw wrong(flag, value, "at least 0 and below 1");
    }
  }

  public static void notBlank(String flag, @Nullable String value) {
    if (value != null && value.isBlank()) {
      throw new InputException(flag + " is " + SettingType.shown(value) + "; it must not be blank");
    }
  }

  /// Requires at least one file or glob.
  public static void files(String flag, List<String> files) {
    if (files.isEmpty()) {
      throw new InputException(flag + " is missing; it is required");
    }
    files.forEach(file -> notBlank(flag, file));
  }

  public static void notEmpty(String flag, @Nullable String value) {
    if (value != null && value.isEmpty()) {
      throw new InputException(flag + " is ''; it must not be empty");
    }
  }

  public static InputException wrong(String flag, Object value, String allowed) {
    return new InputException(flag + " is " + number(value) + "; it must be " + allowed);
  }

  /// Formats a number, 2.0 as 2.
  public static String number(Object value) {
    return value instanceof Double d && d == Math.rint(d) && Math.abs(d) < 1e15
        ? String.valueOf(d.longValue())
        : value.toString();
  }
}
