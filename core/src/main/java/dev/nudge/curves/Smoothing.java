package dev.nudge.curves;

import dev.nudge.curves.Curves.Point;
import java.util.ArrayList;
import java.util.List;

/// Smooths a line of losses: an exponential mean with Adam's correction for its beginning.
///
/// m(i) = b·m(i−1) + (1 − b)·x(i), drawn is m(i) / (1 − bⁱ), so the first value is the first loss
/// and no start at zero is seen. b = 1 − 2 / (n/50 + 1) gives the weight of a running mean over a
/// fiftieth of the n steps; up to 50 steps nothing is smoothed. It looks back only: a longer run's
/// line is not that of a shorter one, but no step is moved by one after it.
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
