package dev.nudge.eval;

/// Intervals of means that hold at all times at once: however often one looks, and whenever one
/// stops, the true value has been inside them all along with probability 1 − α, asymptotically.
///
/// Robbins' normal mixture with an estimated variance [1]. For a mean of n observations with
/// standard deviation s the half-width is
///
///     s √( 2 (n ρ² + 1) / (n² ρ²) · ln( √(n ρ² + 1) / α ) )
///
/// which with the standard error e = s / √n and k = n ρ² is
///
///     e √( 2 (1 + 1/k) ln( √(1 + k) / α ) )
///
/// and so serves every estimate that is a mean in the limit: differences, ratios, pooled ones. It
/// is tightest near the n that ρ is chosen for: n ρ² = −2 ln α + ln(1 − 2 ln α) there. Solved for
/// α, it is a p-value that holds at all times:
///
///     p = √(1 + k) · exp( −z² k / (2 (1 + k)) ),   z = value / e
///
/// The limit needs observations: it is to be looked at only from some tens of units an arm on.
///
/// [1] I. Waudby-Smith et al., Time-uniform central limit theory and asymptotic confidence
/// sequences, 2021; the formula is `std_conjmix_margin` of their package drconfseq.
///
/// @param alpha probability that the interval ever misses
/// @param rhoSquared ρ²
public record NormalMixture(double alpha, double rhoSquared) {

  /// The mixture whose intervals are tightest at some number of observations.
  public static NormalMixture of(double alpha, double tightestAt) {
    double log = -2 * Math.log(alpha);
    return new NormalMixture(alpha, (log + Math.log(1 + log)) / tightestAt);
  }

  /// The same ρ for another α.
  public NormalMixture at(double other) {
    return new NormalMixture(other, rhoSquared);
  }

  /// Half the width of the interval; infinite where nothing is known.
  public double halfWidth(Estimate estimate) {
    double k = estimate.n() * rhoSquared;
    return k == 0
        ? Double.POSITIVE_INFINITY
        : estimate.error() * Math.sqrt(2 * (1 + 1 / k) * (Math.log1p(k) / 2 - Math.log(alpha)));
  }

  /// The interval.
  public Interval interval(Estimate estimate) {
    double half = halfWidth(estimate);
    return new Interval(estimate.value() - half, estimate.value() + half);
  }

  /// The p-value of the hypothesis that the true value is 0; two-sided.
  public double p(Estimate estimate) {
    double k = estimate.n() * rhoSquared;
    if (k == 0 || estimate.value() == 0) {
      return 1;
    }
    double z = estimate.value() / estimate.error();
    return Math.min(1, Math.exp(Math.log1p(k) / 2 - z * z / 2 * (k / (1 + k))));
  }

  /// The p-value of the hypothesis that the true value is at most 0.
  public double pAbove(Estimate estimate) {
    return estimate.value() > 0 ? p(estimate) : 1;
  }
}
