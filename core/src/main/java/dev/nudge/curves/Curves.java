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
    return Smoothing.of(train);
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
}
