package dev.nudge.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/// Trains a byte-level BPE vocabulary: starts from all bytes and repeatedly merges the most
/// frequent pair of adjacent tokens. [1]
///
/// Ids: the end token is 0, then the letters of the 256 bytes by code point, then merged tokens in
/// order of creation. Training is deterministic: of equally frequent pairs the one with the lower
/// left id is merged first, then the lower right id. Pairs that occur once are not merged, so there
/// may be fewer tokens than asked for. Two pairs that spell one token share its id.
///
/// A pair knows the words it occurred in, and the queue holds a pair with its count at insertion.
/// An outdated higher count is corrected when the pair is polled; a pair whose count rose is queued
/// again. So a merge touches only the words it changes.
///
/// [1] Sennrich, Haddow, Birch, arXiv:1508.07909.
public final class BpeTrainer {
  private static final long LEAST_COUNT = 2;

  /// Two adjacent tokens, how often they occur, and the words they occurred in.
  private static final class Pair {
    final int left;
    final int right;
    long count;
    int[] words = new int[2]; // may include words that no longer have the pair
    int used;
    boolean raised;

    Pair(int left, int right) {
      this.left = left;
      this.right = right;
    }

    void in(int word) {
      if (used > 0 && words[used - 1] == word) {
        return;
      }
      if (used == words.length) {
        words = Arrays.copyOf(words, 2 * used);
      }
      words[used++] = word;
    }
  }

  private record Candidate(long count, Pair pair) implements Comparable<Candidate> {
    @Override
    public int compareTo(Candidate other) {
      int order = Long.compare(other.count, count);
      order = order != 0 ? order : Integer.compare(pair.left, other.pair.left);
      return order != 0 ? order : Integer.compare(pair.right, other.pair.right);
    }
  }

  private final int[][] words;
  private final int[] lengths;
  private final long[] counts;
  private final Map<Long, Pair> pairs = new HashMap<>();
  private final PriorityQueue<Candidate> queue = new PriorityQueue<>();
  private final List<Pair> raised = new ArrayList<>();
  private final List<String> tokens = new ArrayList<>();
  private final Map<String, Integer> ids = new HashMap<>();
  private final List<String> merges = new ArrayList<>();

  private BpeTrainer(Map<String, Long> sorted, String end) {
    tokens.add(end);
    char[] letters = new char[ByteLevel.BYTES];
    for (int b = 0; b < letters.length; b++) {
      letters[b] = ByteLevel.letter(b);
    }
    Arrays.sort(letters);
    for (char letter : letters) {
      id(String.valueOf(letter));
    }
    words = new int[sorted.size()][];
    lengths = new int[words.length];
    counts = new long[words.length];
    int w = 0;
    for (Map.Entry<String, Long> word : sorted.entrySet()) {
      words[w] = word.getKey().chars().map(c -> id(String.valueOf((char) c))).toArray();
      lengths[w] = words[w].length;
      counts[w] = word.getValue();
      raise(w, -1);
      w++;
    }
    enqueue();
  }

  /// Trains at most `size` tokens, the end token included.
  ///
  /// @param end the end token, such as `<|endoftext|>`
  public static Bpe train(WordCounts counts, int size, String end) {
    BpeTrainer trainer = new BpeTrainer(counts.sorted(), end);
    while (trainer.tokens.size() < size && trainer.merge()) {}
    return new Bpe(trainer.tokens, trainer.merges);
  }

  /// Merges the most frequent pair; returns false if no pair is left.
  private boolean merge() {
    Candidate top = queue.poll();
    while (top != null && top.count != top.pair.count) {
      if (top.pair.count >= LEAST_COUNT) {
        queue.add(new Candidate(top.pair.count, top.pair));
      }
      top = queue.poll();
    }
    if (top == null) {
      return false;
    }
    Pair pair = top.pair;
    String left = tokens.get(pair.left);
    String right = tokens.get(pair.right);
    merges.add(left + " " + right);
    int made = id(left + right);
    for (int i = 0; i < pair.used; i++) {
      merge(pair.words[i], pair, made);
    }
    enqueue();
    pairs.remove(key(pair.left, pair.right));
    return true;
  }

  private void merge(int word, Pair pair, int made) {
    int[] ids = words[word];
    int n = lengths[word];
    for (int i = 0; i + 1 < n; i++) {
      pair(ids[i], ids[i + 1]).count -= counts[word];
    }
    int to = 0;
    for (int from = 0; from < n; to++) {
      boolean here = from + 1 < n && ids[from] == pair.left && ids[from + 1] == pair.right;
      ids[to] = here ? made : ids[from];
      from += here ? 2 : 1;
    }
    lengths[word] = to;
    raise(word, made);
  }

  /// Counts a word's pairs that contain the new token `made`; all pairs if it is -1.
  private void raise(int word, int made) {
    int[] ids = words[word];
    for (int i = 0; i + 1 < lengths[word]; i++) {
      Pair pair = pair(ids[i], ids[i + 1]);
      pair.count += counts[word];
      if (made < 0 || ids[i] == made || ids[i + 1] == made) {
        pair.in(word);
        if (!pair.raised) {
          pair.raised = true;
          raised.add(pair);
        }
      }
    }
  }

  private void enqueue() {
    for (Pair pair : raised) {
      pair.raised = false;
      if (pair.count >= LEAST_COUNT) {
        queue.add(new Candidate(pair.count, pair));
      }
    }
    raised.clear();
  }

  private Pair pair(int left, int right) {
    return pairs.computeIfAbsent(key(left, right), _ -> new Pair(left, right));
  }

  private static long key(int left, int right) {
    return (long) left << Integer.SIZE | right;
  }

  private int id(String token) {
    Integer known = ids.putIfAbsent(token, tokens.size());
    if (known != null) {
      return known;
    }
    tokens.add(token);
    return tokens.size() - 1;
  }
}
