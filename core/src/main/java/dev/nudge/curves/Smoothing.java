package dev.nudge.curves;

import dev.nudge.curves.Curves.Point;
import java.util.ArrayList;
import java.util.List;

/// Smooths losses: an exponential moving average with Adam's bias correction.
///
/// m(i) = b·m(i−1) + (1 − b)·x(i); m(i) / (1 − bⁱ) is drawn, so the first value is the first loss,
/// free of the bias of m(0) = 0. b = 1 − 2 / (n/50 + 1) averages over about a fiftieth of the n
/// steps; up to 50 steps are not smoothed. A value depends on earlier steps only, and on n.
final class Smoothing {
  private static final int PART = 50; // of all steps

  private Smoothing() {}

  static List<Point> of(List<Point> line) {
    double span = Math.max(1, line.size() / (double) PART);
    double keep = 1 - 2 / (span + 1);
    List<Point> smooth = new ArrayList<>(line.size());
    double mean = 0;
    double weight = 0; // 1 − keepⁱ
    for (Point point : line) {
      mean = keep * mean + (1 - keep) * point.loss();
      weight = keep * weight + (1 - keep);
      smooth.add(new Point(point.step(), mean / weight));
    }
    return smooth;
  }
}
