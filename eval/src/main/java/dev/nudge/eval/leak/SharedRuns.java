package dev.nudge.eval.leak;

import dev.nudge.text.quality.Mix;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Marks the words of each item text that are in a 13-gram of a training row.
///
/// A text of [#SHORTEST] to twelve words is one n-gram; a shorter text has none, because it occurs
/// everywhere. An n-gram in more than a tenth of the items (and in more than five) is the task's
/// own wording: it is ignored, and so are its words.
final class SharedRuns {
  static final int LENGTH = 13;
  static final int SHORTEST = 6;
  private static final int LEAST_COMMON = 5; // items

  private final Postings runs = new Postings(); // n-gram → text and index of its first word
  private final boolean[] lengths = new boolean[LENGTH + 1]; // lengths of the texts' n-grams
  private final List<Integer> words = new ArrayList<>(); // of each text
  private final List<Integer> itemOf = new ArrayList<>(); // of each text
  private final Map<Integer, BitSet> common = new HashMap<>();
  private final Map<Integer, BitSet> covered = new HashMap<>();
  private final Map<Integer, Witness> witnesses = new HashMap<>();

  private record Witness(long row, int words) {}

  /// Adds the next text; the texts of one item must be adjacent.
  ///
  /// @param item index of the item, from 0
  void add(int[] text, int item) {
    int number = words.size();
    words.add(text.length);
    itemOf.add(item);
    int length = Math.min(LENGTH, text.length);
    if (length < SHORTEST) {
      return;
    }
    lengths[length] = true;
    for (int i = 0; i + length <= text.length; i++) {
      long hash = 1;
      for (int j = i; j < i + length; j++) {
        hash = with(hash, text[j]);
      }
      runs.add(key(hash, length), (long) number << 32 | i);
    }
  }

  /// Removes the common n-grams after all texts are added.
  ///
  /// @param items number of items, those without a text included
  void close(int items) {
    int most = Math.max(LEAST_COMMON, items / 10);
    for (long key : runs.keys()) {
      long[] places = runs.of(key);
      if (places.length > most && items(places) > most) {
        for (long place : runs.take(key)) {
          mark(common, place);
        }
      }
    }
  }

  /// Returns the number of distinct items in postings; the postings of an item are adjacent.
  private int items(long[] places) {
    int items = 0;
    int last = -1;
    for (long place : places) {
      int item = itemOf.get((int) (place >>> 32));
      items += item == last ? 0 : 1;
      last = item;
    }
    return items;
  }

  /// Looks up the n-grams of a training row.
  void row(int[] row, long number) {
    Map<Integer, Integer> words = new HashMap<>(); // words that this row is the first to cover
    for (int i = 0; i + SHORTEST <= row.length; i++) {
      long hash = 1;
      for (int length = 1; length <= LENGTH && i + length <= row.length; length++) {
        hash = with(hash, row[i + length - 1]);
        if (lengths[length]) {
          for (long place : runs.take(key(hash, length))) { // one match is enough
            words.merge((int) (place >>> 32), mark(covered, place), Integer::sum);
          }
        }
      }
    }
    words.forEach(
        (text, covered) -> {
          Witness sofar = witnesses.get(text);
          if (sofar == null || covered > sofar.words) {
            witnesses.put(text, new Witness(number, covered));
          }
        });
  }

  /// Marks the words of an n-gram; returns how many were unmarked.
  private int mark(Map<Integer, BitSet> marks, long place) {
    int text = (int) (place >>> 32);
    int from = (int) place;
    int length = Math.min(LENGTH, words.get(text));
    BitSet marked = marks.computeIfAbsent(text, i -> new BitSet());
    int before = marked.cardinality();
    marked.set(from, from + length);
    return marked.cardinality() - before;
  }

  /// Returns the share of a text's own words that are covered.
  double covered(int text) {
    BitSet found = covered.get(text);
    if (found == null) {
      return 0;
    }
    int own = words.get(text);
    BitSet theirs = common.get(text);
    if (theirs == null) {
      return found.cardinality() / (double) own;
    }
    BitSet ofItsOwn = (BitSet) found.clone();
    ofItsOwn.andNot(theirs);
    own -= theirs.cardinality();
    return own == 0 ? 0 : ofItsOwn.cardinality() / (double) own;
  }

  /// Returns the training row that was the first to cover the most words of a text.
  @Nullable Long witness(int text) {
    Witness witness = witnesses.get(text);
    return witness == null ? null : witness.row;
  }

  private static long with(long hash, int word) {
    return (hash ^ word) * 0x9E3779B97F4A7C15L + (hash >>> 32);
  }

  private static long key(long hash, int length) {
    return Mix.of(hash + length);
  }
}
