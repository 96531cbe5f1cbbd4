package dev.nudge.constrain;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/// A set of characters (Unicode scalar values), as ranges in ascending order.
///
/// @param bounds first and last character of each range; no two ranges are adjacent
record Ranges(int[] bounds) {
  private static final int LAST = 0x10FFFF;

  static final Ranges NONE = new Ranges(new int[0]);
  static final Ranges ALL = new Ranges(new int[] {0, 0xD7FF, 0xE000, LAST});

  static Ranges of(int character) {
    return of(character, character);
  }

  static Ranges of(int first, int last) {
    return new Ranges(new int[] {first, last}).and(ALL);
  }

  /// Returns the set of the characters of a text.
  static Ranges of(String characters) {
    return any(characters.codePoints().mapToObj(Ranges::of).toList());
  }

  static Ranges where(IntPredicate test) {
    int[] made = new int[16];
    int n = 0;
    for (int c = 0; c <= LAST; c++) {
      if (surrogate(c) || !test.test(c)) {
        continue;
      }
      if (n > 0 && made[n - 1] == c - 1) {
        made[n - 1] = c;
      } else {
        made = n == made.length ? Arrays.copyOf(made, 2 * n) : made;
        made[n++] = c;
        made[n++] = c;
      }
    }
    return new Ranges(Arrays.copyOf(made, n));
  }

  boolean isEmpty() {
    return bounds.length == 0;
  }

  boolean has(int character) {
    for (int i = 0; i < bounds.length; i += 2) {
      if (character <= bounds[i + 1]) {
        return character >= bounds[i];
      }
    }
    return false;
  }

  Ranges and(Ranges other) {
    int[] made = new int[bounds.length + other.bounds.length];
    int n = 0;
    for (int i = 0, j = 0; i < bounds.length && j < other.bounds.length; ) {
      int first = Math.max(bounds[i], other.bounds[j]);
      int last = Math.min(bounds[i + 1], other.bounds[j + 1]);
      if (first <= last) {
        made[n++] = first;
        made[n++] = last;
      }
      if (bounds[i + 1] < other.bounds[j + 1]) {
        i += 2;
      } else {
        j += 2;
      }
    }
    return new Ranges(Arrays.copyOf(made, n));
  }

  /// Returns the complement.
  Ranges not() {
    int[] made = new int[bounds.length + 2];
    int n = 0;
    int from = 0;
    for (int i = 0; i < bounds.length; i += 2) {
      if (from < bounds[i]) {
        made[n++] = from;
        made[n++] = bounds[i] - 1;
      }
      from = bounds[i + 1] + 1;
    }
    if (from <= LAST) {
      made[n++] = from;
      made[n++] = LAST;
    }
    return new Ranges(Arrays.copyOf(made, n)).and(ALL);
  }

  Ranges or(Ranges other) {
    return any(List.of(this, other));
  }

  /// Returns the union.
  static Ranges any(List<Ranges> all) {
    int[][] pairs =
        all.stream()
            .flatMap(
                one ->
                    IntStream.range(0, one.bounds.length / 2)
                        .mapToObj(i -> new int[] {one.bounds[2 * i], one.bounds[2 * i + 1]}))
            .sorted(Comparator.comparingInt(pair -> pair[0]))
            .toArray(int[][]::new);
    int[] made = new int[2 * pairs.length];
    int n = 0;
    for (int[] pair : pairs) {
      if (n > 0 && pair[0] <= made[n - 1] + 1) {
        made[n - 1] = Math.max(made[n - 1], pair[1]);
      } else {
        made[n++] = pair[0];
        made[n++] = pair[1];
      }
    }
    return new Ranges(Arrays.copyOf(made, n));
  }

  Ranges without(Ranges other) {
    return and(other.not());
  }

  private static boolean surrogate(int c) {
    return c >= 0xD800 && c <= 0xDFFF;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Ranges r && Arrays.equals(bounds, r.bounds);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bounds);
  }

  @Override
  public String toString() {
    return Arrays.toString(bounds);
  }
}
