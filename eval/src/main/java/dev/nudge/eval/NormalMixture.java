package dev.nudge.eval;

/// Confidence sequence of a mean: intervals valid under continuous monitoring and optional
/// stopping. All of them contain the true value with probability 1 − α, asymptotically.
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
/// and so applies to every asymptotically normal estimate: differences, ratios, pooled estimates.
/// The interval is tightest near the n that ρ is chosen for: n ρ² = −2 ln α + ln(1 − 2 ln α) there.
/// Solved for α, it is an always-valid p-value:
///
///     p = √(1 + k) · exp( −z² k / (2 (1 + k)) ),   z = value / e
///
/// The asymptotics need observations: look only from some tens of units per arm on.
///
/// [1] I. Waudby-Smith et al., Time-uniform central limit theory and asymptotic confidence
/// sequences, 2021; the formula is `std_conjmix_margin` of their package drconfseq.
///
/// @param alpha probability that any interval of the sequence misses the true value
/// @param rhoSquared ρ²
public record NormalMixture(double alpha, double rhoSquared) {

  /// Returns the mixture whose intervals are tightest at `tightestAt` observations.
  public static NormalMixture of(double alpha, double tightestAt) {
    double log = -2 * Math.log(alpha);
    return new NormalMixture(alpha, (log + Math.log(1 + log)) / tightestAt);
  }

  /// Returns the mixture with the same ρ at another α.
  public NormalMixture at(double other) {
    return new NormalMixture(other, rhoSquared);
  }

  /// Half the width of the interval; infinite if the standard error is.
  public double halfWidth(Estimate estimate) {
    double k = estimate.n() * rhoSquared;
    return k == 0
        ? Double.POSITIVE_INFINITY
        : estimate.error() * Math.sqrt(2 * (1 + 1 / k) * (Math.log1p(k) / 2 - Math.log(alpha)));
  }

  /// Returns the interval around the estimate.
  public Interval interval(Estimate estimate) {
    double half = halfWidth(estimate);
    return new Interval(estimate.value() - half, estimate.value() + half);
  }

  /// Returns the two-sided always-valid p-value of "the true value is 0".
  public double p(Estimate estimate) {
    double k = estimate.n() * rhoSquared;
    if (k == 0 || estimate.value() == 0) {
      return 1;
    }
    double z = estimate.value() / estimate.error();
    return Math.min(1, Math.exp(Math.log1p(k) / 2 - z * z / 2 * (k / (1 + k))));
  }

  /// Returns the one-sided always-valid p-value of "the true value is at most 0".
  public double pAbove(Estimate estimate) {
    return estimate.value() > 0 ? p(estimate) : 1;
  }
}
