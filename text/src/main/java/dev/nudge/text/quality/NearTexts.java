package dev.nudge.text.quality;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Finds near-duplicates of a set of known texts: MinHash [1] over shingles of five units, words or
/// tokens.
///
/// Two texts are compared by the Jaccard similarity of their shingles, |A ∩ B| / |A ∪ B|. A
/// signature of [#SIZE] numbers estimates it: each number is the least hash among the shingles in
/// its bin (one permutation [2]; an empty bin takes its right neighbour's number), and the share of
/// equal numbers in two signatures is the similarity, ±0.06. Only texts that agree in all four
/// numbers of one of sixteen bands are compared (LSH): at a similarity of 0.8 one in 5,000 is
/// missed, at 0.3 one in eight is compared for nothing.
///
/// Shingles in more than a tenth of the known texts are ignored: a question or system message that
/// all rows share would make them all similar.
///
/// A known text takes about 900 bytes, whatever its length; one of fewer than five units is one
/// shingle.
///
/// [1] Broder: On the resemblance and containment of documents, 1997. [2] Li, Owen, Zhang: One
/// permutation hashing, 2012; Shrivastava: densification, 2017.
///
/// Threading: [#add] by one thread, then [#near] and [#each] by any number.
public final class NearTexts {
  /// The similarity from which a text is a near-duplicate.
  public static final double NEAR = 0.7;

  /// Number of held-out texts from which common shingles are determined.
  public static final int SAMPLE = 1_000;

  private static final int SIZE = 64;
  private static final int BAND = 4;
  private static final int RUN = 5;

  private static final int LEAST_COMMON = 5; // fewest texts (or items) with a common shingle

  private final Set<Long> common = new HashSet<>(); // hashes of shingles
  private final List<int[]> signatures = new ArrayList<>();
  private final Map<Long, int[]> bands = new HashMap<>(); // indexes of signatures

  /// Makes an empty set.
  ///
  /// @param sample about a thousand of the known texts, from which common shingles are determined
  public NearTexts(Collection<int[]> sample) {
    this(sample.stream().map(units -> List.of(units)).iterator(), sample.size());
  }

  private NearTexts(Iterator<List<int[]>> sample, int size) {
    Map<Long, Integer> things = new HashMap<>();
    while (sample.hasNext()) {
      Set<Long> runs = new HashSet<>();
      for (int[] units : sample.next()) {
        for (int i = 0; i < runs(units); i++) {
          runs.add(run(units, i));
        }
      }
      runs.forEach(run -> things.merge(run, 1, Integer::sum));
    }
    int most = Math.max(LEAST_COMMON, size / 10);
    things.forEach(
        (run, number) -> {
          if (number > most) {
            common.add(run);
          }
        });
  }

  /// Makes an empty set for items with several texts each; a shingle is common if more than a tenth
  /// of the items have it.
  ///
  /// @param sample the texts of about a thousand items, from which common shingles are determined
  public static NearTexts ofThings(Collection<List<int[]>> sample) {
    return new NearTexts(sample.iterator(), sample.size());
  }

  /// A listener to known texts that may be similar to another.
  public interface Match {
    /// Receives a known text.
    ///
    /// @param number its number, as [#add] returned it
    /// @param estimate estimated Jaccard similarity of the two texts
    void found(int number, double estimate);
  }

  /// Adds a known text and returns its number, from 0; −1 if it has only common shingles and so is
  /// never found.
  public int add(int[] units) {
    int[] signature = signature(units);
    if (signature.length == 0) {
      return -1;
    }
    int number = signatures.size();
    signatures.add(signature);
    for (int band = 0; band < SIZE / BAND; band++) {
      bands.merge(
          key(signature, band),
          new int[] {number},
          (known, more) -> {
            int[] all = Arrays.copyOf(known, known.length + 1);
            all[known.length] = number;
            return all;
          });
    }
    return number;
  }

  /// Whether a text equals a known one or is a near-duplicate of one.
  public boolean near(int[] units) {
    int[] signature = signatures.isEmpty() ? new int[0] : signature(units);
    if (signature.length == 0) {
      return false;
    }
    for (int band = 0; band < SIZE / BAND; band++) {
      for (int number : bands.getOrDefault(key(signature, band), new int[0])) {
        if (agreement(signature, signatures.get(number)) >= NEAR * SIZE) {
          return true;
        }
      }
    }
    return false;
  }

  /// Finds each known text, once, that shares a band with a text and whose estimate reaches a
  /// bound. For short texts, with few shingles, the estimate is rough; [#likeness] is exact.
  ///
  /// @param least the bound; set it below [#NEAR] to miss none
  public void each(int[] units, double least, Match match) {
    int[] signature = signatures.isEmpty() ? new int[0] : signature(units);
    if (signature.length == 0) {
      return;
    }
    Set<Integer> seen = new HashSet<>();
    for (int band = 0; band < SIZE / BAND; band++) {
      for (int number : bands.getOrDefault(key(signature, band), new int[0])) {
        if (seen.add(number)) {
          int agreement = agreement(signature, signatures.get(number));
          if (agreement >= least * SIZE) {
            match.found(number, agreement / (double) SIZE);
          }
        }
      }
    }
  }

  /// Returns the Jaccard similarity of two texts' shingles without common ones; 0 if neither has
  /// any.
  public double likeness(int[] a, int[] b) {
    Set<Long> runs = own(a);
    Set<Long> others = own(b);
    int all = runs.size() + others.size();
    runs.retainAll(others);
    return all == 0 ? 0 : runs.size() / (double) (all - runs.size());
  }

  private Set<Long> own(int[] units) {
    Set<Long> runs = new HashSet<>();
    for (int i = 0; i < runs(units); i++) {
      runs.add(run(units, i));
    }
    runs.removeAll(common);
    return runs;
  }

  private static int agreement(int[] a, int[] b) {
    int same = 0;
    for (int i = 0; i < SIZE; i++) {
      same += a[i] == b[i] ? 1 : 0;
    }
    return same;
  }

  private static long key(int[] signature, int band) {
    return Mix.of(Arrays.copyOfRange(signature, band * BAND, (band + 1) * BAND)) + band;
  }

  private static int runs(int[] units) {
    return units.length == 0 ? 0 : Math.max(1, units.length - RUN + 1);
  }

  private static long run(int[] units, int from) {
    long hash = 1;
    for (int j = from; j < Math.min(units.length, from + RUN); j++) {
      hash = hash * 0x9E3779B97F4A7C15L + units[j];
    }
    return Mix.of(hash);
  }

  /// Returns the signature of a text; empty if all its shingles are common.
  private int[] signature(int[] units) {
    long[] least = new long[SIZE];
    Arrays.fill(least, -1);
    boolean any = false;
    for (int i = 0; i < runs(units); i++) {
      long hash = run(units, i);
      if (!common.isEmpty() && common.contains(hash)) {
        continue;
      }
      any = true;
      int bin = (int) (hash >>> 58); // of 64
      long value = hash & (1L << 58) - 1;
      if (least[bin] < 0 || value < least[bin]) {
        least[bin] = value;
      }
    }
    return any ? dense(least) : new int[0];
  }

  private static int[] dense(long[] least) {
    int[] signature = new int[SIZE];
    for (int bin = 0; bin < SIZE; bin++) {
      int from = bin;
      int steps = 0;
      while (least[from] < 0) {
        from = (from + 1) % SIZE;
        steps++;
      }
      signature[bin] = (int) Mix.of(least[from] + 31L * steps);
    }
    return signature;
  }

  /// Splits a text into units: a hash for each run of letters and digits, case ignored.
  public static int[] words(String text) {
    int[] words = new int[text.length() / 2 + 1];
    int count = 0;
    int hash = 0;
    boolean within = false;
    for (int i = 0; i <= text.length(); i++) {
      char c = i < text.length() ? text.charAt(i) : ' ';
      if (Character.isLetterOrDigit(c) || Character.isSurrogate(c)) {
        hash = 31 * hash + Character.toLowerCase(c);
        within = true;
      } else if (within) {
        words[count++] = hash;
        hash = 0;
        within = false;
      }
    }
    return Arrays.copyOf(words, count);
  }
}
