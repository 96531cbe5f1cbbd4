package dev.nudge.eval.leak;

import java.util.List;

/// Looks for items in a training set that is there as a whole.
public final class LeakScans {
  private LeakScans() {}

  /// What is found of items in rows of one text each.
  public static LeakReport of(Iterable<String> training, Iterable<Item> items) {
    LeakScan scan = new LeakScan(items);
    training.forEach(row -> scan.row(List.of(row)));
    return scan.report();
  }
}
