package dev.nudge.eval.task;

import dev.nudge.python.PythonRandom;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Selects few-shot examples: the first ones, or random ones as CPython's `random.sample` draws
/// them, the generator's state continues from document to document.
///
/// Threading: one thread; call in document order.
final class Shots {
  private final String place;
  private final List<JsonNode> pool;
  private final boolean firstN;
  private final PythonRandom random = new PythonRandom(Task.SHOTS_SEED);

  /// @param place the task's file, for messages
  Shots(String place, List<JsonNode> pool, boolean firstN) {
    this.place = place;
    this.pool = pool;
    this.firstN = firstN;
  }

  /// Selects n few-shot examples.
  ///
  /// @param asked document to exclude; null: none
  List<JsonNode> of(int n, @Nullable JsonNode asked) {
    if (firstN) {
      List<JsonNode> others = asked == null ? pool : without(asked, pool);
      check(n, others.size());
      return others.subList(0, n);
    }
    if (asked == null || asked.isEmpty()) {
      check(n, pool.size());
      return at(pool, random.sample(pool.size(), n));
    }
    check(n + 1, pool.size());
    List<JsonNode> drawn = without(asked, at(pool, random.sample(pool.size(), n + 1)));
    if (drawn.size() < n) { // the pool contains the document several times
      List<JsonNode> others = without(asked, pool);
      check(n, others.size());
      return at(others, random.sample(others.size(), n));
    }
    return drawn.subList(0, n);
  }

  private static List<JsonNode> at(List<JsonNode> from, int[] places) {
    List<JsonNode> chosen = new ArrayList<>(places.length);
    for (int place : places) {
      chosen.add(from.get(place));
    }
    return chosen;
  }

  private static List<JsonNode> without(JsonNode doc, List<JsonNode> from) {
    return from.stream().filter(one -> !one.equals(doc)).toList();
  }

  private void check(int wanted, int available) {
    if (wanted > available) {
      throw new InputException(
          "%s: %s documents are wanted to choose shots from, and there are %s; lower num_fewshot"
              .formatted(place, wanted, available));
    }
  }
}
