package dev.nudge.eval.leak;

import dev.nudge.data.quality.Mix;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Tells which words of each text lie in a run of thirteen that a training row has too.
///
/// A text of [#SHORTEST] to twelve words is one run; a shorter one has none, for such a row of
/// words comes anywhere. A run that stands in more than a tenth of the items (and in more than
/// five) is the task's own wording: it is not looked for, and its words do not count.
final class Runs {
  static final int LENGTH = 13;
  static final int SHORTEST = 6;
  private static final int LEAST_COMMON = 5; // items

  private final Postings runs = new Postings(); // of a run: item and place of its first word
  private final boolean[] lengths = new boolean[LENGTH + 1]; // that an item's runs have
  private final List<Integer> words = new ArrayList<>(); // of each item
  private final Map<Integer, BitSet> common = new HashMap<>();
  private final Map<Integer, BitSet> covered = new HashMap<>();
  private final Map<Integer, Witness> witnesses = new HashMap<>();

  private record Witness(long row, int words) {}

  /// Adds the next item.
  void add(int[] item) {
    int number = words.size();
    words.add(item.length);
    int length = Math.min(LENGTH, item.length);
    if (length < SHORTEST) {
      return;
    }
    lengths[length] = true;
    for (int i = 0; i + length <= item.length; i++) {
      long hash = 1;
      for (int j = i; j < i + length; j++) {
        hash = with(hash, item[j]);
      }
      runs.add(key(hash, length), (long) number << 32 | i);
    }
  }

  /// Takes out what is common, when all items are there.
  void close() {
    int most = Math.max(LEAST_COMMON, words.size() / 10);
    for (long key : runs.keys()) {
      long[] places = runs.of(key);
      if (places.length > most && items(places) > most) {
        for (long place : runs.take(key)) {
          mark(common, place);
        }
      }
    }
  }

  /// How many items places are of; those of an item follow one another.
  private static int items(long[] places) {
    int items = 0;
    long last = -1;
    for (long place : places) {
      items += place >>> 32 == last ? 0 : 1;
      last = place >>> 32;
    }
    return items;
  }

  /// Looks for the runs of a training row.
  void row(int[] row, long number) {
    Map<Integer, Integer> words = new HashMap<>(); // that this row is the first to cover
    for (int i = 0; i + SHORTEST <= row.length; i++) {
      long hash = 1;
      for (int length = 1; length <= LENGTH && i + length <= row.length; length++) {
        hash = with(hash, row[i + length - 1]);
        if (lengths[length]) {
          for (long place : runs.take(key(hash, length))) { // one finding is enough
            words.merge((int) (place >>> 32), mark(covered, place), Integer::sum);
          }
        }
      }
    }
    words.forEach(
        (item, covered) -> {
          Witness sofar = witnesses.get(item);
          if (sofar == null || covered > sofar.words) {
            witnesses.put(item, new Witness(number, covered));
          }
        });
  }

  /// Marks the words of a run and tells how many were not marked.
  private int mark(Map<Integer, BitSet> marks, long place) {
    int item = (int) (place >>> 32);
    int from = (int) place;
    int length = Math.min(LENGTH, words.get(item));
    BitSet marked = marks.computeIfAbsent(item, i -> new BitSet());
    int before = marked.cardinality();
    marked.set(from, from + length);
    return marked.cardinality() - before;
  }

  /// The share of an item's words that are covered, of those that are its own.
  double covered(int item) {
    BitSet found = covered.get(item);
    if (found == null) {
      return 0;
    }
    int own = words.get(item);
    BitSet theirs = common.get(item);
    if (theirs == null) {
      return found.cardinality() / (double) own;
    }
    BitSet ofItsOwn = (BitSet) found.clone();
    ofItsOwn.andNot(theirs);
    own -= theirs.cardinality();
    return own == 0 ? 0 : ofItsOwn.cardinality() / (double) own;
  }

  /// The training row that was the first to cover so many words of an item as no other.
  @Nullable Long witness(int item) {
    Witness witness = witnesses.get(item);
    return witness == null ? null : witness.row;
  }

  private static long with(long hash, int word) {
    return (hash ^ word) * 0x9E3779B97F4A7C15L + (hash >>> 32);
  }

  private static long key(long hash, int length) {
    return Mix.of(hash + length);
  }
}
