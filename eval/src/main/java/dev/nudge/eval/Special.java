package dev.nudge.eval;

/// Computes the functions that probabilities of counts are made of: Γ, the incomplete gamma and the
/// incomplete beta function, as logarithms where they leave the range of a double; and what belongs
/// to the normal distribution.
///
/// ln Γ is Lanczos' series with g = 7 and nine terms; the incomplete functions are their power
/// series where it converges fast and else their continued fraction by Lentz' method [1].
///
/// [1] W. H. Press et al., Numerical Recipes, third edition, 2007, sections 6.1, 6.2 and 6.4.
final class Special {
  private static final double[] LANCZOS = {
    0.99999999999980993,
    676.5203681218851,
    -1259.1392167224028,
    771.32342877765313,
    -176.61502916214059,
    12.507343278686905,
    -0.13857109526572012,
    9.9843695780195716e-6,
    1.5056327351493116e-7
  };

  private static final double PRECISION = 1e-16;
  private static final double TINY = 1e-300; // instead of 0 in a continued fraction
  private static final int MOST_TERMS = 100_000; // √ of the largest argument, several times

  private static final int HALVINGS = 60;

  private Special() {}

  /// ln Γ(x) of x > 0.
  static double logGamma(double x) {
    double sum = LANCZOS[0];
    for (int i = 1; i < LANCZOS.length; i++) {
      sum += LANCZOS[i] / (x - 1 + i);
    }
    double t = x + 6.5;
    return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
  }

  /// ln B(a, b).
  static double logBeta(double a, double b) {
    return logGamma(a) + logGamma(b) - logGamma(a + b);
  }

  /// Q(a, x): the share of a gamma distribution of shape a that lies above x.
  static double gammaAbove(double a, double x) {
    if (x <= 0) {
      return 1;
    }
    double front = Math.exp(a * Math.log(x) - x - logGamma(a));
    return x < a + 1 ? 1 - front * gammaSeries(a, x) : front * gammaFraction(a, x);
  }

  private static double gammaSeries(double a, double x) {
    double term = 1 / a;
    double sum = term;
    for (int i = 1; i < MOST_TERMS && term > sum * PRECISION; i++) {
      term *= x / (a + i);
      sum += term;
    }
    return sum;
  }

  private static double gammaFraction(double a, double x) {
    double b = x + 1 - a;
    double c = 1 / TINY;
    double d = 1 / b;
    double value = d;
    for (int i = 1; i < MOST_TERMS; i++) {
      double an = -i * (i - a);
      b += 2;
      d = 1 / away(an * d + b);
      c = away(b + an / c);
      value *= d * c;
      if (Math.abs(d * c - 1) < PRECISION * 4) {
        break;
      }
    }
    return value;
  }

  /// The share of the standard normal distribution above z.
  static double normalAbove(double z) {
    double tail = gammaAbove(0.5, z * z / 2) / 2;
    return z >= 0 ? tail : 1 - tail;
  }

  /// The z that a share of the standard normal distribution lies below.
  static double normalQuantile(double share) {
    if (!(share > 0 && share < 1)) {
      throw new IllegalArgumentException("a share of " + share + " is not between 0 and 1");
    }
    if (share > 0.5) {
      return -normalQuantile(1 - share);
    }
    double low = -40;
    double high = 0;
    for (int i = 0; i < HALVINGS; i++) {
      double middle = (low + high) / 2;
      if (normalAbove(-middle) < share) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return (low + high) / 2;
  }

  /// ln I_x(a, b): the share of a beta distribution below x; −∞ where no double holds it.
  static double logBetaBelow(double a, double b, double x) {
    if (x <= 0) {
      return Double.NEGATIVE_INFINITY;
    }
    if (x >= 1) {
      return 0;
    }
    double front = a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b);
    if (x < (a + 1) / (a + b + 2)) {
      return Math.min(0, front + Math.log(betaFraction(a, b, x) / a));
    }
    double above = Math.exp(front) * betaFraction(b, a, 1 - x) / b;
    return Math.log1p(-Math.min(1, above));
  }

  /// ln of the share of a beta distribution above x.
  static double logBetaAbove(double a, double b, double x) {
    return logBetaBelow(b, a, 1 - x);
  }

  private static double betaFraction(double a, double b, double x) {
    double c = 1;
    double d = 1 / away(1 - (a + b) * x / (a + 1));
    double value = d;
    for (int m = 1; m < MOST_TERMS; m++) {
      double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
      d = 1 / away(1 + even * d);
      c = away(1 + even / c);
      value *= d * c;
      double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
      d = 1 / away(1 + odd * d);
      c = away(1 + odd / c);
      value *= d * c;
      if (Math.abs(d * c - 1) < PRECISION * 4) {
        break;
      }
    }
    return value;
  }

  private static double away(double x) {
    return Math.abs(x) < TINY ? TINY : x;
  }
}
