package dev.nudge.eval.leak;

import dev.nudge.text.quality.Mix;
import dev.nudge.text.quality.NearTexts;
import java.lang.Character.UnicodeScript;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Looks for evaluation items in a training set (contamination check).
///
/// The items are indexed first: hashes of each text, of its words and of its 13-grams, the words
/// themselves, and a MinHash signature of 64 numbers. Then training rows are streamed through
/// [#row] and not kept. Only the items need memory: about 1.5 KiB per item and 50 bytes per word;
/// 10,000 items of 200 words take 110 MiB, 90,000 of them 1 GiB.
///
/// [LeakKind] defines the kinds: 13-grams count from [#COVERED] of an item's words on, similarity
/// from [NearTexts#NEAR] on. Wording shared by more than a tenth of the items (the task's own
/// template) counts for neither: for 13-grams among all items, for similarity among the first
/// [NearTexts#SAMPLE]. A text of [SharedRuns#SHORTEST] words or more is also found inside a longer
/// row, such as a short question in another template; a shorter text only as a whole row, a text
/// without letters and digits only exactly, an empty text never. An item is found if any of its
/// texts is.
///
/// Two different texts collide in one of 10⁷ datasets.
///
/// Threading: one thread at a time.
public final class LeakScan {
  /// Least share of an item's words covered by 13-grams that counts as a leak.
  public static final double COVERED = 0.5;

  private static final double CANDIDATE = 0.5; // estimate from which n-grams are counted

  private final List<String> ids = new ArrayList<>();
  private final List<Integer> itemOf = new ArrayList<>(); // of each text
  private final Postings exact = new Postings();
  private final Postings normalised = new Postings();
  private final SharedRuns runs = new SharedRuns();
  private final NearTexts near;
  private final List<int[]> words = new ArrayList<>(); // words of texts in near, by number
  private final List<Integer> itemsOfNear = new ArrayList<>();

  private final Map<Integer, Long> exactIn = new HashMap<>(); // item → row
  private final Map<Integer, Long> normalisedIn = new HashMap<>();
  private final Map<Integer, Nearest> nearestIn = new HashMap<>();
  private long rows;
  private long unread;

  private record Nearest(long row, double likeness) {}

  /// Indexes the items.
  ///
  /// @throws IllegalArgumentException if two items have the same id
  public LeakScan(Iterable<Item> items) {
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

  /// The number of words of a text as this scan counts them; each Chinese character is a word.
  public static int words(String text) {
    return WordIds.of(text).length;
  }

  /// Scans the next training row, each of its texts separately.
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

  /// Counts an unreadable training row.
  public void unread() {
    unread++;
  }

  /// Returns the result so far.
  public LeakReport report() {
    List<Leak> leaks = new ArrayList<>();
    int[] mostCovered = new int[ids.size()]; // the most covered text of each item
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
      put(witnesses, LeakKind.RUNS, share > 0 && share >= COVERED ? runs.witness(text) : null);
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

  /// Tokenizes a text to word ids: runs of letters and digits, lower-cased, NFKC. Scripts without
  /// spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) have one word per
  /// character.
  ///
  /// Other signs are dropped, except arithmetic signs between two numbers, each a word: 7 + 2 is
  /// another question than 7 - 2.
  private static final class WordIds {
    private WordIds() {}

    static int[] of(String text) {
      String plain = Normalizer.normalize(text, Normalizer.Form.NFKC).toLowerCase(Locale.ROOT);
      int[] words = new int[plain.length() + 1];
      int count = 0;
      int start = 0;
      int at = 0;
      while (at <= plain.length()) {
        int c = at < plain.length() ? plain.codePointAt(at) : ' ';
        boolean alone = isAlone(c);
        if (alone || !isPart(c)) {
          if (at > start) {
            words[count++] = number(plain, start, at);
          }
          start = at + Character.charCount(c);
          int sign = alone ? 0 : sign(c);
          if (alone) {
            words[count++] = number(plain, at, start);
          } else if (sign != 0 && isOfNumber(plain, at, -1) && isOfNumber(plain, at, 1)) {
            words[count++] = (int) Mix.of(sign);
          }
        }
        at += Character.charCount(c);
      }
      return Arrays.copyOf(words, count);
    }

    private static int number(String text, int start, int end) {
      return (int) Mix.of(text.subSequence(start, end));
    }

    /// The arithmetic sign that a character denotes, in any Unicode form; 0 if none.
    private static int sign(int c) {
      return switch (c) {
        case '+', '-', '*', '/', '^', '<', '>', '=' -> c;
        case '\u2212', '\u2013' -> '-'; // minus, and a dash that stands for it
        case '\u00d7', '\u00b7' -> '*';
        case '\u00f7' -> '/';
        default -> 0;
      };
    }

    /// Whether what stands beside a place, blanks left out, is a number or the bracket around one.
    private static boolean isOfNumber(String text, int at, int step) {
      int beside = at + step;
      while (beside >= 0 && beside < text.length() && Character.isWhitespace(text.charAt(beside))) {
        beside += step;
      }
      if (beside < 0 || beside >= text.length()) {
        return false;
      }
      char c = text.charAt(beside);
      return Character.isDigit(c) || c == (step < 0 ? ')' : '(');
    }

    private static boolean isPart(int c) {
      return c < 128
          ? (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
          : Character.isLetterOrDigit(c)
              || Character.getType(c) == Character.NON_SPACING_MARK
              || Character.getType(c) == Character.COMBINING_SPACING_MARK;
    }

    private static boolean isAlone(int c) {
      if (c < 0xe00 || !isPart(c)) { // Thai is the first of them
        return false;
      }
      return switch (UnicodeScript.of(c)) {
        case HAN, HIRAGANA, KATAKANA, THAI, LAO, KHMER, MYANMAR -> true;
        default -> false;
      };
    }
  }
}
