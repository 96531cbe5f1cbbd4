package dev.nudge.curves;

import dev.nudge.curves.Curves.Point;
import java.util.ArrayList;
import java.util.List;

/// Downsamples a line for drawing. Keeps the lowest and highest point of each of some hundred
/// sections, so that no peak is lost, and both ends.
public final class Thinning {
  /// Maximum number of points that are kept.
  public static final int MOST = 600;

  private Thinning() {}

  /// Keeps at most [#MOST] points.
  public static List<Point> of(List<Point> line) {
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
