package dev.nudge.collective;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A few numbers that are summed over the ranks; where each rank has places of its own, the sum has
/// the numbers of all.
public final class Doubles implements Collective.Part {
  private static final ValueLayout.OfDouble NUMBER = ValueLayout.JAVA_DOUBLE_UNALIGNED;

  private final double[] own;
  private final MemorySegment bytes;

  /// So many zeros.
  public Doubles(int size) {
    this.own = new double[size];
    this.bytes = MemorySegment.ofArray(new byte[size * Double.BYTES]);
  }

  /// Sets this rank's number at a place.
  public void put(int place, double number) {
    own[place] = number;
  }

  /// The sums over all ranks, which all call this.
  public double[] sum(Collective ranks) {
    ranks.sum(List.of(this));
    return sums();
  }

  /// The sums that were made.
  double[] sums() {
    double[] sums = new double[own.length];
    for (int i = 0; i < sums.length; i++) {
      sums[i] = bytes.getAtIndex(NUMBER, i);
    }
    return sums;
  }

  @Override
  public MemorySegment bytes() {
    return bytes;
  }

  @Override
  public void add(@Nullable MemorySegment before) {
    for (int i = 0; i < own.length; i++) {
      double sum = before == null ? own[i] : before.getAtIndex(NUMBER, i) + own[i];
      bytes.setAtIndex(NUMBER, i, sum);
    }
  }
}
