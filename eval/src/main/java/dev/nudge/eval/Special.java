package dev.nudge.eval;

import org.apache.commons.numbers.fraction.ContinuedFraction;
import org.apache.commons.numbers.gamma.Erfc;
import org.apache.commons.numbers.gamma.InverseErfc;
import org.apache.commons.numbers.gamma.LogBeta;

/// Normal distribution, and the log of the incomplete beta function, which underflows a double if
/// many answers contradict a rate.
///
/// Γ, the error function and the incomplete gamma function are those of Commons Numbers, which has
/// the incomplete beta function itself but not its logarithm. That is its continued fraction [1].
///
/// [1] NIST Digital Library of Mathematical Functions, 8.17.22.
final class Special {
  private static final double PRECISION = 1e-15;
  private static final int MOST_TERMS = 100_000; // several times √ of the largest argument

  private Special() {}

  /// Returns the upper tail probability of the standard normal distribution.
  static double normalAbove(double z) {
    return Erfc.value(z / Math.sqrt(2)) / 2;
  }

  /// Returns the quantile function of the standard normal distribution.
  static double normalQuantile(double share) {
    if (!(share > 0 && share < 1)) {
      throw new IllegalArgumentException("a share of " + share + " is not between 0 and 1");
    }
    return -Math.sqrt(2) * InverseErfc.value(2 * share);
  }

  /// ln I_x(a, b), the log CDF of a beta distribution; −∞ below the range of a double.
  static double logBetaBelow(double a, double b, double x) {
    if (x <= 0) {
      return Double.NEGATIVE_INFINITY;
    }
    if (x >= 1) {
      return 0;
    }
    double front = a * Math.log(x) + b * Math.log1p(-x) - LogBeta.value(a, b);
    if (x < (a + 1) / (a + b + 2)) {
      return Math.min(0, front + Math.log(betaFraction(a, b, x) / a));
    }
    double above = Math.exp(front) * betaFraction(b, a, 1 - x) / b;
    return Math.log1p(-Math.min(1, above));
  }

  /// Returns the log survival function of a beta distribution.
  static double logBetaAbove(double a, double b, double x) {
    return logBetaBelow(b, a, 1 - x);
  }

  private static double betaFraction(double a, double b, double x) {
    ContinuedFraction fraction =
        new ContinuedFraction() {
          @Override
          protected double getA(int n, double at) {
            int m = n / 2;
            return n == 0
                ? 0 // unused
                : n % 2 == 0
                    ? m * (b - m) * at / ((a + n - 1) * (a + n))
                    : -(a + m) * (a + b + m) * at / ((a + n - 1) * (a + n));
          }

          @Override
          protected double getB(int n, double at) {
            return 1;
          }
        };
    return 1 / fraction.evaluate(x, PRECISION, MOST_TERMS);
  }
}
