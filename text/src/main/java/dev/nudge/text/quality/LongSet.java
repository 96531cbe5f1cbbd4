package dev.nudge.text.quality;

import java.util.Arrays;

/// A set of 64-bit numbers by open addressing, at most half full: 16 bytes per number or more.
///
/// Threading: one thread at a time.
public final class LongSet {
  private long[] slots = new long[1 << 10];
  private boolean hasZero;
  private int size;

  /// Adds a number; false if the set has it already.
  public boolean add(long value) {
    if (value == 0) {
      boolean added = !hasZero;
      hasZero = true;
      return added;
    }
    if (2 * (size + 1) > slots.length) {
      grow();
    }
    int at = slot(slots, value);
    if (slots[at] == value) {
      return false;
    }
    slots[at] = value;
    size++;
    return true;
  }

  private static int slot(long[] slots, long value) {
    int at = (int) Mix.of(value) & slots.length - 1;
    while (slots[at] != 0 && slots[at] != value) {
      at = at + 1 & slots.length - 1;
    }
    return at;
  }

  private void grow() {
    long[] larger = new long[2 * slots.length];
    Arrays.stream(slots).filter(value -> value != 0).forEach(v -> larger[slot(larger, v)] = v);
    slots = larger;
  }
}
