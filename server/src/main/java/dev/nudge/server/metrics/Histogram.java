package dev.nudge.server.metrics;

import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;

/// A Prometheus histogram with fixed buckets.
///
/// Threading: any number of threads.
final class Histogram {
  private final double[] bounds;
  private final LongAdder[] counts; // one more: above the last bound
  private final DoubleAdder sum = new DoubleAdder();

  /// @param bounds upper bounds, ascending
  Histogram(double... bounds) {
    this.bounds = bounds.clone();
    this.counts = new LongAdder[bounds.length + 1];
    for (int i = 0; i < counts.length; i++) {
      counts[i] = new LongAdder();
    }
  }

  void add(double value) {
    int at = 0;
    while (at < bounds.length && value > bounds[at]) {
      at++;
    }
    counts[at].increment();
    sum.add(value);
  }

  /// Writes the lines for a scrape.
  ///
  /// @param labels without braces
  void write(StringBuilder out, String name, String labels) {
    long count = 0;
    for (int i = 0; i < counts.length; i++) {
      count += counts[i].sum();
      String bound = i < bounds.length ? number(bounds[i]) : "+Inf";
      out.append(name).append("_bucket{").append(labels).append(",le=\"").append(bound);
      out.append("\"} ").append(count).append('\n');
    }
    out.append(name).append("_sum{").append(labels).append("} ").append(sum.sum()).append('\n');
    out.append(name).append("_count{").append(labels).append("} ").append(count).append('\n');
  }

  private static String number(double value) {
    return value == Math.rint(value) && value < 1e15
        ? String.valueOf((long) value) + ".0"
        : String.valueOf(value);
  }
}
