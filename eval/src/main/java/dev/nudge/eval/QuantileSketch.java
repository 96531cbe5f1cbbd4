package dev.nudge.eval;

import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Mergeable quantile sketch of positive numbers with 1 % relative error: DDSketch [1].
///
/// Bucket i holds γ^(i−1) < x ≤ γ^i, γ = 1.01 / 0.99; values up to 10⁻⁹ count as 0.
///
/// [#interval] is a confidence sequence: the number of observations below the p-quantile is
/// binomial with p, so the ranks that [BetaMixture] does not reject bound the quantile; their
/// values, outward to the bucket edges, are the ends of the interval [2].
///
/// [1] C. Masson, J. E. Rim, H. K. Lee, DDSketch, 2019.
///
/// [2] S. Howard and A. Ramdas, Sequential estimation of quantiles with applications to A/B testing
/// and best-arm identification, 2022.
///
/// Threading: not synchronized; the caller locks.
public final class QuantileSketch {
  private static final double ACCURACY = 0.01;
  private static final double LOG_GAMMA = Math.log((1 + ACCURACY) / (1 - ACCURACY));
  private static final double LEAST = 1e-9;
  private static final double TIGHTEST_AT = 1000;

  private final TreeMap<Integer, Long> buckets = new TreeMap<>();
  private long zeros;
  private long count;

  /// Adds a value, 0 or more.
  public void add(double x) {
    count++;
    if (x <= LEAST) {
      zeros++;
    } else {
      buckets.merge((int) Math.ceil(Math.log(x) / LOG_GAMMA), 1L, Long::sum);
    }
  }

  /// Returns the number of values added.
  public long count() {
    return count;
  }

  /// Returns the p-quantile within 1 %; 0 if the sketch is empty.
  public double quantile(double p) {
    if (count == 0) {
      return 0;
    }
    @Nullable Integer bucket = bucket((long) Math.floor(p * (count - 1)) + 1);
    return bucket == null
        ? 0
        : 2 * Math.exp(bucket * LOG_GAMMA) / (1 + Math.exp(LOG_GAMMA)); // the bucket's middle
  }

  /// Returns the confidence interval of the p-quantile, valid at all times; the upper end is
  /// infinite if there are too few values.
  public Interval interval(double p, double alpha) {
    BetaMixture mixture = BetaMixture.around(p, TIGHTEST_AT);
    double limit = -Math.log(alpha);
    long middle = Math.round(p * count);
    long low = end(mixture, p, limit, middle, 0);
    long high = end(mixture, p, limit, middle, count);
    @Nullable Integer first = low < 1 ? null : bucket(low);
    @Nullable Integer last = high >= count ? null : bucket(high + 1);
    double infinite = high >= count ? Double.POSITIVE_INFINITY : 0;
    return new Interval(
        first == null ? 0 : Math.exp((first - 1) * LOG_GAMMA),
        last == null ? infinite : Math.exp(last * LOG_GAMMA));
  }

  /// Returns the last rank from `middle` towards `outermost` that is not rejected.
  private long end(BetaMixture mixture, double p, double limit, long middle, long outermost) {
    long in = middle;
    long out = outermost + Long.signum(outermost - middle);
    while (Math.abs(out - in) > 1) {
      long half = (in + out) / 2;
      if (mixture.logEvidence(half, count, p) < limit) {
        in = half;
      } else {
        out = half;
      }
    }
    return in;
  }

  /// Returns the bucket of the value with a rank (from 1); null if the value is 0.
  private @Nullable Integer bucket(long rank) {
    long seen = zeros;
    if (rank <= seen) {
      return null;
    }
    for (Map.Entry<Integer, Long> bucket : buckets.entrySet()) {
      seen += bucket.getValue();
      if (rank <= seen) {
        return bucket.getKey();
      }
    }
    return buckets.isEmpty() ? null : buckets.lastKey();
  }
}
