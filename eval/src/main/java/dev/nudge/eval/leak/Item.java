package dev.nudge.eval.leak;

import java.util.List;

/// An item of an evaluation.
///
/// @param id by which it is told
/// @param texts each of which would give it away: a question, a question in its prompt, an answer
public record Item(String id, List<String> texts) {
  public Item {
    texts = List.copyOf(texts);
  }

  /// An item of one text.
  public Item(String id, String text) {
    this(id, List.of(text));
  }
}
