package dev.nudge.eval;

import org.apache.commons.numbers.gamma.LogBeta;

/// Confidence sequence and always-valid test of a rate, exact for any count: Robbins'
/// beta-binomial mixture [1].
///
/// For s hits in n cases the evidence (an e-value) against the rate p is the likelihood averaged
/// over Beta(a, b), divided by the likelihood under p:
///
///     E = B(a + s, b + n − s) / B(a, b) / ( p^s (1 − p)^(n − s) )
///
/// Under p it is a martingale that begins at 1, so the probability that it ever reaches 1/α is at
/// most α (Ville), and the rates with E < 1/α are an interval valid at all n at once. One-sided,
/// the beta distribution is truncated below p, and E is evidence against every rate up to p.
///
/// [1] H. Robbins, Statistical methods related to the law of the iterated logarithm, 1970; S.
/// Howard and A. Ramdas, Sequential estimation of quantiles, 2022.
///
/// @param a first parameter of the mixing beta distribution
/// @param b second parameter of the mixing beta distribution
public record BetaMixture(double a, double b) {
  private static final int HALVINGS = 60;

  /// Returns the mixture around the rate `p` with the most power at `tightestAt` cases.
  public static BetaMixture around(double p, double tightestAt) {
    double size = Math.max(2, tightestAt / 8); // n ρ² = 8 at α = 5 %, as in NormalMixture
    return new BetaMixture(size * p, size * (1 - p));
  }

  /// Log evidence ln E against the rate p.
  public double logEvidence(long hits, long n, double p) {
    return LogBeta.value(a + hits, b + n - hits) - LogBeta.value(a, b) - likelihood(hits, n, p);
  }

  /// Log evidence ln E against all rates up to p.
  public double logEvidenceAbove(long hits, long n, double p) {
    return logEvidence(hits, n, p)
        + Special.logBetaAbove(a + hits, b + n - hits, p)
        - Special.logBetaAbove(a, b, p);
  }

  private static double likelihood(long hits, long n, double p) {
    double hitTerm = hits == 0 ? 0 : hits * Math.log(p);
    return hitTerm + (n == hits ? 0 : (n - hits) * Math.log1p(-p));
  }

  /// The confidence interval of the rate: the rates that the evidence does not reject at level α.
  public Interval interval(long hits, long n, double alpha) {
    double limit = -Math.log(alpha);
    double middle = n == 0 ? 0.5 : hits / (double) n;
    return new Interval(
        n == 0 || logEvidence(hits, n, 0) < limit ? 0 : end(hits, n, limit, middle, 0),
        n == 0 || logEvidence(hits, n, 1) < limit ? 1 : end(hits, n, limit, middle, 1));
  }

  /// Finds where ln E passes the limit, between a rate inside the interval and one outside.
  private double end(long hits, long n, double limit, double inside, double outside) {
    double in = inside;
    double out = outside;
    for (int i = 0; i < HALVINGS; i++) {
      double middle = (in + out) / 2;
      if (logEvidence(hits, n, middle) < limit) {
        in = middle;
      } else {
        out = middle;
      }
    }
    return out;
  }

  /// Returns the p-value of a log evidence, min(1, 1/E).
  public static double p(double logEvidence) {
    return Math.min(1, Math.exp(-logEvidence));
  }
}
