package dev.nudge.text;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/// Counts the pre-tokenized words of texts, the input of [BpeTrainer].
///
/// Threading: one thread.
public final class WordCounts {
  private final Map<String, long[]> counts = new HashMap<>();

  /// Counts the words of one text.
  public void add(String text) {
    ByteLevel.pieces(text, piece -> counts.computeIfAbsent(piece, _ -> new long[1])[0]++);
  }

  /// Whether all texts so far were empty.
  public boolean isEmpty() {
    return counts.isEmpty();
  }

  /// Returns the words as letters ([ByteLevel]), sorted, with their counts.
  Map<String, Long> sorted() {
    Map<String, Long> sorted = new TreeMap<>();
    counts.forEach((piece, n) -> sorted.merge(ByteLevel.letters(piece), n[0], Long::sum));
    return sorted;
  }
}
