package dev.nudge.text;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/// Counts the pieces of texts, all that [BpeTrainer] needs to know of them.
///
/// Threading: one thread.
public final class WordCounts {
  private final Map<String, long[]> counts = new HashMap<>();

  /// Counts the pieces of one text.
  public void add(String text) {
    ByteLevel.pieces(text, piece -> counts.computeIfAbsent(piece, _ -> new long[1])[0]++);
  }

  /// Tells whether no text so far had a character.
  public boolean isEmpty() {
    return counts.isEmpty();
  }

  /// Pieces in letters, sorted, with how often each occurs.
  Map<String, Long> sorted() {
    Map<String, Long> sorted = new TreeMap<>();
    counts.forEach((piece, n) -> sorted.merge(ByteLevel.letters(piece), n[0], Long::sum));
    return sorted;
  }
}
