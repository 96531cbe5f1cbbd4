package dev.nudge.data.quality;

import java.util.ArrayList;
import java.util.List;

/// Counts findings of one kind and keeps the first places.
///
/// @param <P> a place
public final class Findings<P> {
  /// Places that are kept.
  public static final int KEPT = 20;

  private final List<P> first = new ArrayList<>();
  private int count;

  /// A tally that was made before.
  ///
  /// @param first the first places, up to [#KEPT]
  public static <P> Findings<P> of(int count, List<P> first) {
    Findings<P> tally = new Findings<>();
    tally.first.addAll(first);
    tally.count = count;
    return tally;
  }

  /// Counts one more.
  public void add(P place) {
    count++;
    if (first.size() < KEPT) {
      first.add(place);
    }
  }

  /// How many there were.
  public int count() {
    return count;
  }

  /// The first places, up to [#KEPT].
  public List<P> first() {
    return List.copyOf(first);
  }
}
