package dev.nudge.text.jinja;

import dev.nudge.python.FormatSpec;
import java.math.BigDecimal;
import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/// A Python number: a boolean (in Python an integer), an integer of any size, or a float.
public final class Num implements Value {
  public static final Num TRUE = new Num(BigInteger.ONE, true);
  public static final Num FALSE = new Num(BigInteger.ZERO, true);

  private static final int MOST_BITS = 16_384;

  private final @Nullable BigInteger whole;
  private final double real;
  private final boolean isBool;

  private Num(BigInteger whole, boolean isBool) {
    this.whole = whole;
    this.real = 0;
    this.isBool = isBool;
  }

  private Num(double real) {
    this.whole = null;
    this.real = real;
    this.isBool = false;
  }

  public static Num of(boolean value) {
    return value ? TRUE : FALSE;
  }

  public static Num of(long value) {
    return new Num(BigInteger.valueOf(value), false);
  }

  public static Num of(double value) {
    return new Num(value);
  }

  /// Makes an integer; an absurdly large one fails, as each digit costs time.
  public static Num of(BigInteger value) {
    if (value.bitLength() > MOST_BITS) {
      throw new Mistake("a number of more than " + MOST_BITS + " bits");
    }
    return new Num(value, false);
  }

  boolean isBool() {
    return isBool;
  }

  boolean isWhole() {
    return whole != null;
  }

  /// Returns the integer (1 or 0 for a boolean).
  BigInteger whole() {
    if (whole == null) {
      throw new Mistake("a float where an integer is needed");
    }
    return whole;
  }

  /// Returns the integer as an index, clamped to Java's `int`.
  int index() {
    BigInteger value = whole();
    return value.bitLength() < 31
        ? value.intValue()
        : value.signum() < 0 ? -Integer.MAX_VALUE : Integer.MAX_VALUE;
  }

  double real() {
    return whole == null ? real : FormatSpec.real(whole);
  }

  int compare(Num other) {
    if (whole != null && other.whole != null) {
      return whole.compareTo(other.whole);
    }
    double mine = whole == null ? real : whole.doubleValue();
    double its = other.whole == null ? other.real : other.whole.doubleValue();
    return !Double.isFinite(mine) || !Double.isFinite(its)
        ? Double.compare(mine, its)
        : exact().compareTo(other.exact());
  }

  private BigDecimal exact() {
    return whole == null ? new BigDecimal(real) : new BigDecimal(whole);
  }

  private boolean isNan() {
    return whole == null && Double.isNaN(real);
  }

  @Override
  public String type() {
    return isBool ? "bool" : whole != null ? "int" : "float";
  }

  @Override
  public boolean isTrue() {
    return whole == null ? real != 0 : whole.signum() != 0;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Num num && !isNan() && !num.isNan() && compare(num) == 0;
  }

  @Override
  public int hashCode() {
    return Double.hashCode((whole == null ? real : whole.doubleValue()) + 0.0);
  }
}
