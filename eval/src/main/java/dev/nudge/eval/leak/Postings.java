package dev.nudge.eval.leak;

import dev.nudge.text.quality.Mix;
import java.util.Arrays;

/// Inverted index: a multimap from long keys to long postings, open addressing with a chain per
/// key. A posting takes 12 bytes and a key 24 to 48.
///
/// Threading: one thread at a time.
final class Postings {
  private static final int NONE = -1; // an empty slot
  private static final int FORGOTTEN = -2; // a key whose chain was removed
  private static final long[] EMPTY = {};

  private long[] keys = new long[1 << 10];
  private int[] heads = filled(keys.length); // first posting of each chain
  private int used;

  private long[] places = new long[1 << 10];
  private int[] next = new int[1 << 10];
  private int count;

  /// Adds a posting.
  void add(long key, long place) {
    if (2 * (used + 1) > keys.length) {
      grow();
    }
    if (count == places.length) {
      places = Arrays.copyOf(places, 2 * count);
      next = Arrays.copyOf(next, 2 * count);
    }
    int slot = slot(keys, heads, key);
    used += heads[slot] == NONE ? 1 : 0;
    keys[slot] = key;
    places[count] = place;
    next[count] = heads[slot];
    heads[slot] = count++;
  }

  /// Returns the postings of a key, latest first; empty if there are none.
  long[] of(long key) {
    int slot = slot(keys, heads, key);
    int size = 0;
    for (int at = heads[slot]; at >= 0; at = next[at]) {
      size++;
    }
    if (size == 0) {
      return EMPTY;
    }
    long[] found = new long[size];
    int i = 0;
    for (int at = heads[slot]; at >= 0; at = next[at]) {
      found[i++] = places[at];
    }
    return found;
  }

  /// Returns and removes the postings of a key.
  long[] take(long key) {
    int slot = slot(keys, heads, key);
    if (heads[slot] < 0) {
      return EMPTY;
    }
    long[] found = of(key);
    heads[slot] = FORGOTTEN;
    return found;
  }

  /// All keys.
  long[] keys() {
    long[] all = new long[used];
    int n = 0;
    for (int slot = 0; slot < keys.length; slot++) {
      if (heads[slot] >= 0) {
        all[n++] = keys[slot];
      }
    }
    return Arrays.copyOf(all, n);
  }

  private static int slot(long[] keys, int[] heads, long key) {
    int slot = (int) Mix.of(key) & keys.length - 1;
    while (heads[slot] != NONE && keys[slot] != key) {
      slot = slot + 1 & keys.length - 1;
    }
    return slot;
  }

  private void grow() {
    long[] larger = new long[2 * keys.length];
    int[] theirs = filled(larger.length);
    for (int slot = 0; slot < keys.length; slot++) {
      if (heads[slot] != NONE) {
        int to = slot(larger, theirs, keys[slot]);
        larger[to] = keys[slot];
        theirs[to] = heads[slot];
      }
    }
    keys = larger;
    heads = theirs;
  }

  private static int[] filled(int length) {
    int[] free = new int[length];
    Arrays.fill(free, NONE);
    return free;
  }
}
