package dev.nudge.eval;

/// Accumulates a ratio metric Σ x / Σ w with its clustered standard error (delta method [1]).
///
/// A unit (a user) has many correlated observations: scores over answers, seconds over tokens.
/// Units are independent, so the variance is taken over units; with R = Σ x_u / Σ w_u over n units
///
///     error² = n / (n − 1) · Σ (x_u − R w_u)² / (Σ w_u)²
///
/// With one observation per unit and w = 1 it is the standard error of a mean. Only five sums are
/// kept, so updating a unit takes constant time.
///
/// [Estimate#n] counts observations, not units, so returning units count as new data, and the
/// [NormalMixture] intervals are wider than needed if their observations are correlated.
///
/// [1] A. Deng, U. Knoblich, J. Lu, Applying the delta method in metric analytics, 2018.
///
/// Threading: not synchronized; the caller locks.
public final class Clusters {
  private long units;
  private long observations;
  private double x;
  private double w;
  private double xx;
  private double xw;
  private double ww;

  /// Adds a unit, or replaces the sums of a unit that is already counted.
  public void move(double oldX, double oldW, double newX, double newW) {
    units += (newW > 0 ? 1 : 0) - (oldW > 0 ? 1 : 0);
    observations += Double.compare(newW, oldW); // one more, or one removed
    x += newX - oldX;
    w += newW - oldW;
    xx += newX * newX - oldX * oldX;
    xw += newX * newW - oldX * oldW;
    ww += newW * newW - oldW * oldW;
  }

  /// Adds a unit.
  public void add(double newX, double newW) {
    move(0, 0, newX, newW);
  }

  /// Adds the units of another sample.
  public void merge(Clusters other) {
    units += other.units;
    observations += other.observations;
    x += other.x;
    w += other.w;
    xx += other.xx;
    xw += other.xw;
    ww += other.ww;
  }

  /// Returns the number of units with a weight above 0.
  public long units() {
    return units;
  }

  /// Returns the ratio with its standard error.
  ///
  /// @param prior variance of one pseudo-unit of average weight: ¼ for values in [0, 1], so that a
  ///     sample without variance has an error; 0 for none
  public Estimate ratio(double prior) {
    if (units < 2) {
      return Estimate.NONE;
    }
    double r = x / w;
    double mean = w / units;
    double squares = Math.max(0, xx - 2 * r * xw + r * r * ww) + prior * mean * mean;
    return new Estimate(r, Math.sqrt(squares * units / (units - 1)) / w, observations);
  }
}
