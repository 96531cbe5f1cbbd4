package dev.nudge.eval.leak;

import java.util.List;

/// An evaluation item to look for in the training set.
///
/// @param id identifies the item in reports
/// @param texts texts that each leak the item: a bare question, a question in its prompt, an answer
public record Item(String id, List<String> texts) {
  public Item {
    texts = List.copyOf(texts);
  }

  /// Makes an item of one text.
  public Item(String id, String text) {
    this(id, List.of(text));
  }
}
