package dev.nudge.curves;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The losses of one run by step.
///
/// @param name of the run in the plot's legend
/// @param train loss of each step with a finite loss, in order
/// @param heldOut held-out losses; the one before training is at step 0
public record Curves(String name, List<Point> train, List<Point> heldOut) {
  /// Maximum number of points that [#thinned] keeps.
  public static final int MOST = 600;

  private static final int PART = 50; // of all steps

  /// A loss.
  public record Point(int step, double loss) {}

  public Curves {
    train = List.copyOf(train);
    heldOut = List.copyOf(heldOut);
  }

  /// Reads `metrics.jsonl`.
  public static Curves read(String name, Path metrics) {
    return of(name, MetricRows.read(metrics));
  }

  /// Reads the rows of `metrics.jsonl`. If a step occurs twice, the later row counts.
  public static Curves of(String name, List<JsonNode> rows) {
    List<Point> train = new ArrayList<>();
    List<Point> heldOut = new ArrayList<>();
    for (JsonNode row : rows) {
      add(train, row, "loss");
      add(heldOut, row, "eval_loss");
    }
    return new Curves(name, train, heldOut);
  }

  private static void add(List<Point> points, JsonNode row, String key) {
    if (row.path(key).isNumber() && row.path("step").isNumber()) {
      Point point = new Point(row.path("step").asInt(), row.path(key).asDouble());
      while (!points.isEmpty() && points.getLast().step() >= point.step()) {
        points.removeLast(); // a step that was made again
      }
      points.add(point);
    }
  }

  /// The losses of the steps, smoothed.
  public List<Point> smooth() {
    return smoothed(train);
  }

  /// The lowest held-out loss after training began, the first on a tie; null without one.
  public @Nullable Point best() {
    Point best = null;
    for (Point point : heldOut) {
      if (point.step() > 0 && (best == null || point.loss() < best.loss())) {
        best = point;
      }
    }
    return best;
  }

  boolean isEmpty() {
    return train.isEmpty() && heldOut.isEmpty();
  }

  /// Smooths losses: an exponential moving average with Adam's bias correction.
  ///
  /// m(i) = b·m(i−1) + (1 − b)·x(i); m(i) / (1 − bⁱ) is drawn, so the first value is the first
  /// loss, free of the bias of m(0) = 0. b = 1 − 2 / (n/50 + 1) averages over about a fiftieth of
  /// the n steps; up to 50 steps are not smoothed. A value depends on earlier steps only, and on n.
  static List<Point> smoothed(List<Point> line) {
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

  /// Downsamples a line for drawing to at most [#MOST] points. Keeps the lowest and highest point
  /// of each of some hundred sections, so that no peak is lost, and both ends.
  public static List<Point> thinned(List<Point> line) {
    int n = line.size();
    if (n <= MOST) {
      return line;
    }
    int stretches = (MOST - 2) / 2;
    List<Point> kept = new ArrayList<>(MOST);
    kept.add(line.getFirst());
    for (int s = 0; s < stretches; s++) {
      int from = 1 + (int) ((long) (n - 2) * s / stretches);
      int to = 1 + (int) ((long) (n - 2) * (s + 1) / stretches);
      int low = from;
      int high = from;
      for (int i = from; i < to; i++) {
        low = line.get(i).loss() < line.get(low).loss() ? i : low;
        high = line.get(i).loss() > line.get(high).loss() ? i : high;
      }
      kept.add(line.get(Math.min(low, high)));
      if (low != high) {
        kept.add(line.get(Math.max(low, high)));
      }
    }
    kept.add(line.getLast());
    return kept;
  }
}
