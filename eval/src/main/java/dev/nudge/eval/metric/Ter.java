package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Corpus TER (translation edit rate) [1]: edits from prediction to reference per 100 reference
/// words; lower is better. With the defaults of sacrebleu: words are separated by white space,
/// lower-cased, punctuation kept.
///
/// An edit inserts, deletes or substitutes a word, or shifts a phrase ([TerShifts]). Of several
/// references the one with the fewest edits counts, and the length is their mean. If the
/// references are empty the score is 100, or 0 if the prediction is empty too.
///
/// Statistics of a sentence: edits, words of the reference.
///
/// [1] M. Snover et al., A study of translation edit rate with targeted human annotation, 2006.
public record Ter() implements CorpusMetric {
  @Override
  public int size() {
    return 2;
  }

  @Override
  public double[] statistics(String prediction, List<String> references) {
    Map<String, Integer> numbers = new HashMap<>();
    int[] words = words(prediction, numbers);
    int fewest = Integer.MAX_VALUE;
    double length = 0;
    for (String reference : references) {
      int[] asked = words(reference, numbers);
      fewest = Math.min(fewest, new TerShifts(asked).edits(words));
      length += asked.length;
    }
    return new double[] {fewest, length / references.size()};
  }

  /// Word ids; equal words have equal ids.
  private static int[] words(String text, Map<String, Integer> numbers) {
    List<String> words = PythonText.split(PythonText.lower(PythonText.stripEnd(text)));
    return words.stream()
        .mapToInt(word -> numbers.computeIfAbsent(word, w -> numbers.size()))
        .toArray();
  }

  @Override
  public double score(double[] sums) {
    if (sums[1] > 0) {
      return 100 * (sums[0] / sums[1]);
    }
    return sums[0] > 0 ? 100 : 0;
  }

  /// Counts the edits of TER, phrase shifts included.
  ///
  /// The optimal set of shifts is hard to find, so the search is greedy, within the limits of
  /// Tercom
  /// as in sacrebleu: the shift that saves the most edits is applied as long as there is one.
  /// Candidates are phrases of at most ten words that occur in both texts at most fifty positions
  /// apart and have errors in both, at most a thousand shifts in all. Ties go to the longest
  /// phrase, then the first, then the leftmost target.
  ///
  /// The distance without shifts is the usual edit-distance table, limited to a beam of 25 around
  /// its diagonal, wider if the lengths differ much. On ties substitution is preferred to deletion
  /// and deletion to insertion; that decides the alignment, and so which shifts are tried.
  private static final class TerShifts {
    private static final int LONGEST = 10;
    private static final int FARTHEST = 50;
    private static final int MOST_TRIED = 1000;
    private static final int BEAM = 25;
    private static final int NEVER = 1 << 28;

    private static final byte SAME = 0;
    private static final byte REPLACE = 1;
    private static final byte DELETE = 2; // a word of the prediction
    private static final byte INSERT = 3; // one of the reference

    private final int[] asked;
    private int[] base = {}; // the prediction whose table is kept
    private int[][] costs = {};
    private byte[][] ways = {};
    private int tried;

    TerShifts(int[] asked) {
      this.asked = asked;
    }

    private static final class Move {
      final int saved;
      final int length;
      final int start;
      final int target;
      final int[] words; // after it

      Move(int saved, int length, int start, int target, int[] words) {
        this.saved = saved;
        this.length = length;
        this.start = start;
        this.target = target;
        this.words = words;
      }

      boolean beats(@Nullable Move other) {
        if (other == null || saved != other.saved) {
          return other == null || saved > other.saved;
        }
        if (length != other.length) {
          return length > other.length;
        }
        return start != other.start ? start < other.start : target < other.target;
      }
    }

    /// The number of edits and moves.
    int edits(int[] predicted) {
      if (asked.length == 0) {
        return predicted.length;
      }
      int[] words = predicted;
      int moves = 0;
      while (true) {
        fill(words);
        Move move = bestMove(words);
        if (tried >= MOST_TRIED || move == null || move.saved <= 0) {
          return moves + costs[words.length][asked.length];
        }
        moves++;
        words = move.words;
      }
    }

    private @Nullable Move bestMove(int[] words) {
      Alignment alignment = alignment(words.length);
      int before = costs[words.length][asked.length];
      Move best = null;
      for (int start = 0; start < words.length; start++) {
        for (int from = 0; from < asked.length; from++) {
          if (Math.abs(from - start) > FARTHEST) {
            continue;
          }
          for (int length = 1; length <= LONGEST; length++) {
            if (start + length > words.length
                || from + length > asked.length
                || words[start + length - 1] != asked[from + length - 1]) {
              break;
            }
            if (alignment.worthMoving(start, from, length)) {
              best = bestTarget(words, start, from, length, alignment, before, best);
              if (tried >= MOST_TRIED) {
                return best;
              }
            }
          }
        }
      }
      return best;
    }

    private @Nullable Move bestTarget(
        int[] words,
        int start,
        int from,
        int length,
        Alignment alignment,
        int before,
        @Nullable Move sofar) {
      Move best = sofar;
      int last = -1;
      for (int at = from - 1; at < from + length; at++) {
        int target = at < 0 ? 0 : alignment.against[at] + 1;
        if (target == last) {
          continue;
        }
        last = target;
        int[] moved = moved(words, start, length, target);
        tried++;
        Move move = new Move(before - cost(moved), length, start, target, moved);
        best = move.beats(best) ? move : best;
      }
      return best;
    }

    /// The words with a phrase shifted: to before its target, or behind its own position.
    private static int[] moved(int[] words, int start, int length, int target) {
      int[] moved = words.clone();
      int end = start + length;
      if (target < start) {
        System.arraycopy(words, start, moved, target, length);
        System.arraycopy(words, target, moved, target + length, start - target);
      } else {
        int behind = (target > end ? target : Math.min(words.length, length + target)) - end;
        System.arraycopy(words, end, moved, start, behind);
        System.arraycopy(words, start, moved, start + behind, length);
      }
      return moved;
    }

    /// The alignment: which predicted word faces each reference word, and which words are wrong.
    private static final class Alignment {
      final int[] against;
      final boolean[] askedWrong;
      final boolean[] saidWrong;

      Alignment(int said, int asked) {
        against = new int[asked];
        askedWrong = new boolean[asked];
        saidWrong = new boolean[said];
      }

      boolean worthMoving(int start, int from, int length) {
        boolean outside = against[from] < start || against[from] >= start + length;
        return outside && any(saidWrong, start, length) && any(askedWrong, from, length);
      }

      private static boolean any(boolean[] wrong, int from, int length) {
        for (int i = from; i < from + length; i++) {
          if (wrong[i]) {
            return true;
          }
        }
        return false;
      }
    }

    private Alignment alignment(int said) {
      Alignment alignment = new Alignment(said, asked.length);
      int i = said;
      int j = asked.length;
      while (i > 0 || j > 0) {
        byte way = ways[i][j];
        if (way == INSERT) {
          j--;
          alignment.against[j] = i - 1;
          alignment.askedWrong[j] = true;
        } else if (way == DELETE) {
          i--;
          alignment.saidWrong[i] = true;
        } else {
          i--;
          j--;
          alignment.against[j] = i;
          alignment.askedWrong[j] = way == REPLACE;
          alignment.saidWrong[i] = way == REPLACE;
        }
      }
      return alignment;
    }

    private void fill(int[] words) {
      base = words;
      costs = new int[words.length + 1][asked.length + 1];
      ways = new byte[words.length + 1][asked.length + 1];
      for (int j = 1; j <= asked.length; j++) {
        costs[0][j] = j;
        ways[0][j] = INSERT;
      }
      for (int i = 1; i <= words.length; i++) {
        row(i, words, costs[i - 1], costs[i], ways[i]);
      }
    }

    /// The edit distance alone; rows that a shift left unchanged are reused.
    private int cost(int[] words) {
      int same = 0;
      while (same < words.length && words[same] == base[same]) {
        same++;
      }
      int[] last = costs[same];
      byte[] unused = new byte[asked.length + 1];
      for (int i = same + 1; i <= words.length; i++) {
        int[] next = new int[asked.length + 1];
        row(i, words, last, next, unused);
        last = next;
      }
      return last[asked.length];
    }

    private void row(int i, int[] words, int[] above, int[] row, byte[] way) {
      Arrays.fill(row, NEVER);
      double ratio = asked.length / (double) words.length;
      int beam = BEAM < ratio / 2 ? (int) Math.ceil(ratio / 2 + BEAM) : BEAM;
      int diagonal = (int) Math.floor(i * ratio);
      int end = i == words.length ? asked.length + 1 : Math.min(asked.length + 1, diagonal + beam);
      for (int j = Math.max(0, diagonal - beam); j < end; j++) {
        if (j == 0) {
          row[j] = above[j] + 1;
          way[j] = DELETE;
          continue;
        }
        boolean same = words[i - 1] == asked[j - 1];
        row[j] = above[j - 1] + (same ? 0 : 1);
        way[j] = same ? SAME : REPLACE;
        if (above[j] + 1 < row[j]) {
          row[j] = above[j] + 1;
          way[j] = DELETE;
        }
        if (row[j - 1] + 1 < row[j]) {
          row[j] = row[j - 1] + 1;
          way[j] = INSERT;
        }
      }
    }
  }
}
