package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/// Counts n-grams of words and their overlap between two texts.
final class Ngrams {
  /// Matches an English article, like `\b(a|an|the)\b`.
  static final Pattern ARTICLE =
      Pattern.compile(PythonText.EDGE + "(?:a|an|the)" + PythonText.EDGE);

  private Ngrams() {}

  /// Counts equal elements, as Python's `collections.Counter`.
  static <T> Map<T, Integer> counted(List<T> things) {
    Map<T, Integer> counts = new HashMap<>();
    things.forEach(thing -> counts.merge(thing, 1, Integer::sum));
    return counts;
  }

  /// Returns the sum of all counts.
  static <T> int total(Map<T, Integer> counts) {
    return counts.values().stream().mapToInt(Integer::intValue).sum();
  }

  /// Returns the size of the multiset intersection of two counts.
  static <T> int common(Map<T, Integer> a, Map<T, Integer> b) {
    int common = 0;
    for (Map.Entry<T, Integer> entry : a.entrySet()) {
      common += Math.min(entry.getValue(), b.getOrDefault(entry.getKey(), 0));
    }
    return common;
  }

  /// Returns the n-grams of tokens, joined by a space.
  static List<String> runs(List<String> tokens, int n) {
    List<String> runs = new ArrayList<>();
    for (int i = 0; i + n <= tokens.size(); i++) {
      runs.add(n == 1 ? tokens.get(i) : String.join(" ", tokens.subList(i, i + n)));
    }
    return runs;
  }
}
