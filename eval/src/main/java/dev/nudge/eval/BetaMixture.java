package dev.nudge.eval;

import org.apache.commons.numbers.gamma.LogBeta;

/// Tests and intervals of a rate that hold at all times at once and for any count, however small:
/// Robbins' mixture of the binomial with a beta distribution [1].
///
/// For s hits in n cases and a rate p the evidence against p is the likelihood of what was seen,
/// averaged over Beta(a, b), against its likelihood under p:
///
///     E = B(a + s, b + n − s) / B(a, b) / ( p^s (1 − p)^(n − s) )
///
/// Under p it is a martingale that begins at 1, so it ever reaches 1/α with probability at most α
/// (Ville), and the rates with E < 1/α are an interval for all n at once. One-sided, the beta
/// distribution is cut off below p; the evidence then holds against every rate up to p.
///
/// [1] H. Robbins, Statistical methods related to the law of the iterated logarithm, 1970; S.
/// Howard and A. Ramdas, Sequential estimation of quantiles, 2022.
///
/// @param a of the beta distribution that is averaged over
/// @param b of it
public record BetaMixture(double a, double b) {
  /// Every rate alike.
  public static final BetaMixture UNIFORM = new BetaMixture(1, 1);

  private static final int HALVINGS = 60;

  /// The mixture around a rate that is most powerful at some number of cases.
  public static BetaMixture around(double p, double tightestAt) {
    double size = Math.max(2, tightestAt / 8); // n ρ² = 8 at α = 5 %, as in NormalMixture
    return new BetaMixture(size * p, size * (1 - p));
  }

  /// ln E against the rate p.
  public double logEvidence(long hits, long n, double p) {
    return LogBeta.value(a + hits, b + n - hits) - LogBeta.value(a, b) - likelihood(hits, n, p);
  }

  /// ln E against all rates up to p.
  public double logEvidenceAbove(long hits, long n, double p) {
    return logEvidence(hits, n, p)
        + Special.logBetaAbove(a + hits, b + n - hits, p)
        - Special.logBetaAbove(a, b, p);
  }

  private static double likelihood(long hits, long n, double p) {
    double of = hits == 0 ? 0 : hits * Math.log(p);
    return of + (n == hits ? 0 : (n - hits) * Math.log1p(-p));
  }

  /// The rates that are not refuted at α.
  public Interval interval(long hits, long n, double alpha) {
    double limit = -Math.log(alpha);
    double middle = n == 0 ? 0.5 : hits / (double) n;
    return new Interval(
        n == 0 || logEvidence(hits, n, 0) < limit ? 0 : end(hits, n, limit, middle, 0),
        n == 0 || logEvidence(hits, n, 1) < limit ? 1 : end(hits, n, limit, middle, 1));
  }

  /// Where ln E passes the limit, between a rate below it and one above.
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

  /// The p-value that belongs to ln E.
  public static double p(double logEvidence) {
    return Math.min(1, Math.exp(-logEvidence));
  }
}
