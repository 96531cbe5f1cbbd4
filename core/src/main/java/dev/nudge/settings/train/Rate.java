package dev.nudge.settings.train;

import dev.nudge.settings.Check;
import dev.nudge.settings.SettingType;
import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;

/// The highest learning rate: a number above 0, or `auto`, which fits the method and the model.
///
/// @param value null: auto
public record Rate(@Nullable Double value) {
  private static final String ALLOWED = "a number above 0, or auto";
  private static final String AUTO = "auto";
  private static final double PLAIN = 0.01;

  public Rate {
    if (value != null && !allowed(value)) {
      throw Check.wrong("--learning-rate", value, ALLOWED);
    }
  }

  /// Parses `2e-4` or `auto`.
  public static Rate parse(String text) {
    if (text.equals(AUTO)) {
      return new Rate(null);
    }
    Double value = SettingType.decimal(text);
    if (value == null || !allowed(value)) {
      throw new IllegalArgumentException(ALLOWED);
    }
    return new Rate(value);
  }

  public boolean isAuto() {
    return value == null;
  }

  /// The number; throws if the rate is auto and no model has been read yet.
  double known() {
    if (value == null) {
      throw new IllegalStateException("the learning rate is auto until the model is read");
    }
    return value;
  }

  /// Writes a rate as papers do: `1.3e-3`, from 0.01 on `0.1`.
  public static String shown(double rate) {
    BigDecimal exact = new BigDecimal(Double.toString(rate)).stripTrailingZeros();
    if (rate >= PLAIN) {
      return exact.toPlainString();
    }
    String digits = exact.unscaledValue().toString();
    String point = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
    return point + "e" + (digits.length() - 1 - exact.scale());
  }

  @Override
  public String toString() {
    return value == null ? AUTO : value.toString();
  }

  private static boolean allowed(double value) {
    return value > 0 && Double.isFinite(value);
  }
}
