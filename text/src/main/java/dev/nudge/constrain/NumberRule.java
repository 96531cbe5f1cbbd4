package dev.nudge.constrain;

import java.math.BigDecimal;
import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/// The constraints of a schema on numbers. An integer is a multiple of 1.
///
/// @param least lower bound, inclusive or exclusive; null: none
/// @param most upper bound, inclusive or exclusive; null: none
/// @param multiple what all numbers are multiples of; null: any number
record NumberRule(
    @Nullable BigDecimal least,
    boolean above,
    @Nullable BigDecimal most,
    boolean below,
    @Nullable BigDecimal multiple) {
  private static final int MOST_PLACES = 1000;
  static final NumberRule ANY = new NumberRule(null, false, null, false, null);

  static NumberRule least(BigDecimal bound, boolean above) {
    return new NumberRule(bound, above, null, false, null);
  }

  static NumberRule most(BigDecimal bound, boolean below) {
    return new NumberRule(null, false, bound, below, null);
  }

  static NumberRule multiple(BigDecimal of) {
    return new NumberRule(null, false, null, false, of);
  }

  /// The numbers of both.
  NumberRule and(NumberRule other) {
    BigDecimal low = least;
    boolean open = above;
    if (other.least != null) {
      int order = low == null ? 1 : other.least.compareTo(low);
      low = order > 0 ? other.least : low;
      open = order > 0 ? other.above : order == 0 ? above || other.above : above;
    }
    BigDecimal high = most;
    boolean openHigh = below;
    if (other.most != null) {
      int order = high == null ? -1 : other.most.compareTo(high);
      high = order < 0 ? other.most : high;
      openHigh = order < 0 ? other.below : order == 0 ? below || other.below : below;
    }
    return new NumberRule(low, open, high, openHigh, common(multiple, other.multiple));
  }

  private static @Nullable BigDecimal common(@Nullable BigDecimal a, @Nullable BigDecimal b) {
    if (a == null || b == null) {
      return a == null ? b : a;
    }
    int scale = Math.max(0, Math.max(a.scale(), b.scale()));
    BigInteger left = a.setScale(scale).unscaledValue();
    BigInteger right = b.setScale(scale).unscaledValue();
    return new BigDecimal(left.divide(left.gcd(right)).multiply(right), scale);
  }

  private static boolean isMultiple(BigDecimal value, BigDecimal of) {
    return value.remainder(of).signum() == 0;
  }

  /// Whether a division takes no minutes, as that of 1e10000000 would.
  private static boolean isShort(BigDecimal value) {
    return Math.abs((long) value.precision() - value.scale()) <= MOST_PLACES
        && value.precision() <= MOST_PLACES;
  }

  /// Whether a number fulfils them; one of more than a thousand places is a multiple of none.
  boolean has(BigDecimal value) {
    boolean high = least == null || value.compareTo(least) >= (above ? 1 : 0);
    boolean low = most == null || value.compareTo(most) <= (below ? -1 : 0);
    return high && low && (multiple == null || isShort(value) && isMultiple(value, multiple));
  }
}
