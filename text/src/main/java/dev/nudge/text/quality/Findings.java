package dev.nudge.text.quality;

import java.util.ArrayList;
import java.util.List;

/// Counts findings of one kind and keeps their first places.
///
/// @param <P> type of a place
public final class Findings<P> {
  /// Most places that are kept.
  public static final int KEPT = 20;

  private final List<P> first = new ArrayList<>();
  private int count;

  /// Restores findings that were counted before.
  ///
  /// @param first the first places, up to [#KEPT]
  public static <P> Findings<P> of(int count, List<P> first) {
    Findings<P> tally = new Findings<>();
    tally.first.addAll(first);
    tally.count = count;
    return tally;
  }

  /// Counts one more finding.
  public void add(P place) {
    count++;
    if (first.size() < KEPT) {
      first.add(place);
    }
  }

  /// Returns the number of findings.
  public int count() {
    return count;
  }

  /// Returns the first places, up to [#KEPT].
  public List<P> first() {
    return List.copyOf(first);
  }
}
