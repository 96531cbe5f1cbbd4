package dev.nudge.data.tokens;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/// Finds sequences that two data sets share, token for token.
///
/// The smaller set is indexed by hash, one hash and one place per sequence, sorted; the other is
/// scanned and not copied.
public final class SameTokens {
  private SameTokens() {}

  /// Counts the rows of some sequences that are among others.
  public static int rows(List<Example> some, List<Example> others) {
    long[] known = new long[some.size()];
    Arrays.setAll(known, i -> (long) some.get(i).hash() << 32 | i);
    Arrays.sort(known);
    BitSet found = new BitSet(known.length);
    for (Example other : others) {
      long hash = (long) other.hash() << 32;
      int at = Arrays.binarySearch(known, hash);
      for (at = at < 0 ? -at - 1 : at; at < known.length && known[at] >> 32 == hash >> 32; at++) {
        int place = (int) known[at];
        if (!found.get(place) && some.get(place).sameTokens(other)) {
          found.set(place);
        }
      }
    }
    return (int) found.stream().map(place -> some.get(place).index()).distinct().count();
  }
}
