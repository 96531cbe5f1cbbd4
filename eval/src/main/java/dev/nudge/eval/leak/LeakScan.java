package dev.nudge.eval.leak;

import dev.nudge.data.quality.Mix;
import dev.nudge.data.quality.NearTexts;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Looks for the items of an evaluation in a training set.
///
/// The items are read first and kept as numbers: hashes of their text, of their words and of their
/// runs of thirteen words, the words themselves, and a signature of 64 numbers. Then training rows
/// go by ([#row]), in any number, and none is kept. Memory is that of the items, whatever the
/// training set: about 1.5 KiB an item and 50 bytes a word: 10,000 items of 200 words take 110 MiB,
/// 90,000 of them 1 GiB.
///
/// What counts as found is told by [LeakKind]: runs where they cover [#COVERED] of an item's words,
/// nearness from [NearTexts#NEAR] on. Wording that more than a tenth of the items share, a question
/// that all ask, is not counted for either: of runs among all items, of nearness among the first
/// [NearTexts#SAMPLE]. A text of [SharedRuns#SHORTEST] words or more is found inside a longer one,
/// so a
/// short question behind another template is; a shorter one, of a single character even, is found
/// as a whole only, one without a letter or digit only as it is, and an empty one never. An item is
/// found where any of its texts is.
///
/// Two different texts have the same hash in one of 10⁷ data sets.
///
/// Threading: one thread at a time.
public final class LeakScan {
  /// From which share of covered words on an item counts as found by runs.
  public static final double COVERED = 0.5;

  private static final double CANDIDATE = 0.5; // an estimate from which on it is worth counting

  private final List<String> ids = new ArrayList<>();
  private final List<Integer> itemOf = new ArrayList<>(); // of each text
  private final Postings exact = new Postings();
  private final Postings normalised = new Postings();
  private final SharedRuns runs = new SharedRuns();
  private final NearTexts near;
  private final List<int[]> words = new ArrayList<>(); // of those that near knows, by its numbers
  private final List<Integer> itemsOfNear = new ArrayList<>();
  private final double covered;

  private final Map<Integer, Long> exactIn = new HashMap<>(); // item → row
  private final Map<Integer, Long> normalisedIn = new HashMap<>();
  private final Map<Integer, Nearest> nearestIn = new HashMap<>();
  private long rows;
  private long unread;

  private record Nearest(long row, double likeness) {}

  /// Takes the items.
  ///
  /// @throws IllegalArgumentException where two have the same id
  public LeakScan(Iterable<Item> items) {
    this(items, COVERED);
  }

  /// Takes the items.
  ///
  /// @param covered from which share of covered words on an item counts as found by runs, instead
  /// of
  ///     [#COVERED]
  public LeakScan(Iterable<Item> items, double covered) {
    this.covered = covered;
    List<List<int[]>> first = new ArrayList<>();
    List<int[]> all = new ArrayList<>();
    Set<String> known = new HashSet<>();
    for (Item item : items) {
      if (!known.add(item.id())) {
        throw new IllegalArgumentException("two items have the id '" + item.id() + "'");
      }
      ids.add(item.id());
      List<int[]> own = new ArrayList<>();
      for (String text : item.texts()) {
        int number = itemOf.size();
        itemOf.add(ids.size() - 1);
        int[] words = WordIds.of(text);
        if (!text.isEmpty()) {
          exact.add(Mix.of(text), number);
        }
        if (words.length > 0) {
          normalised.add(Mix.of(words), number);
        }
        runs.add(words, ids.size() - 1);
        own.add(words);
      }
      all.addAll(own);
      if (first.size() < NearTexts.SAMPLE) {
        first.add(own);
      }
    }
    runs.close(ids.size());
    near = NearTexts.ofThings(first);
    for (int text = 0; text < all.size(); text++) {
      if (near.add(all.get(text)) >= 0) {
        words.add(all.get(text));
        itemsOfNear.add(itemOf.get(text));
      }
    }
  }

  /// How many words a text has by which items are looked for: of Chinese, one a character.
  public static int words(String text) {
    return WordIds.of(text).length;
  }

  /// Looks for items in the next training row. Where prompt and completion are apart, they are
  /// given as one text.
  public void row(String text) {
    row(List.of(text));
  }

  /// Looks for items in the next training row, each of whose texts is looked at by itself.
  public void row(List<String> texts) {
    long row = rows++;
    texts.forEach(text -> look(text, row));
  }

  private void look(String text, long row) {
    for (long found : exact.take(Mix.of(text))) {
      exactIn.putIfAbsent(itemOf.get((int) found), row);
    }
    int[] theirs = WordIds.of(text);
    if (theirs.length == 0) {
      return;
    }
    for (long found : normalised.take(Mix.of(theirs))) {
      normalisedIn.putIfAbsent(itemOf.get((int) found), row);
    }
    runs.row(theirs, row);
    near.each(theirs, CANDIDATE, (number, estimate) -> compare(number, theirs, row));
  }

  private void compare(int number, int[] theirs, long row) {
    int item = itemsOfNear.get(number);
    Nearest sofar = nearestIn.get(item);
    if (sofar != null && sofar.likeness == 1) {
      return;
    }
    double likeness = near.likeness(words.get(number), theirs);
    if (likeness >= NearTexts.NEAR && (sofar == null || likeness > sofar.likeness)) {
      nearestIn.put(item, new Nearest(row, likeness));
    }
  }

  /// Counts a training row that could not be looked at.
  public void unread() {
    unread++;
  }

  /// What was found so far.
  public LeakReport report() {
    List<Leak> leaks = new ArrayList<>();
    int[] mostCovered = new int[ids.size()]; // the text of each item of which most is
    Arrays.fill(mostCovered, -1);
    for (int text = 0; text < itemOf.size(); text++) {
      int item = itemOf.get(text);
      int most = mostCovered[item];
      if (most < 0 || runs.covered(text) > runs.covered(most)) {
        mostCovered[item] = text;
      }
    }
    for (int item = 0; item < ids.size(); item++) {
      Map<LeakKind, Long> witnesses = new EnumMap<>(LeakKind.class);
      put(witnesses, LeakKind.EXACT, exactIn.get(item));
      put(witnesses, LeakKind.NORMALISED, normalisedIn.get(item));
      int text = mostCovered[item];
      double share = text < 0 ? 0 : runs.covered(text);
      put(witnesses, LeakKind.RUNS, share > 0 && share >= covered ? runs.witness(text) : null);
      Nearest nearest = nearestIn.get(item);
      put(witnesses, LeakKind.NEAR, nearest == null ? null : nearest.row);
      if (!witnesses.isEmpty()) {
        leaks.add(
            new Leak(ids.get(item), witnesses, share, nearest == null ? 0 : nearest.likeness));
      }
    }
    return new LeakReport(rows, ids.size(), leaks, unread);
  }

  private static void put(Map<LeakKind, Long> witnesses, LeakKind kind, @Nullable Long row) {
    if (row != null) {
      witnesses.put(kind, row);
    }
  }
}
