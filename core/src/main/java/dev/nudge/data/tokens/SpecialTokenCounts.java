package dev.nudge.data.tokens;

import dev.nudge.text.Tokenizer;
import java.util.List;

/// Counts silent mistakes with special tokens at the two ends of sequences.
///
/// @param begunTwice sequences that begin with the same special token twice, one by the template
///     and one by the tokenizer
/// @param ended sequences in which an end token or another special token, such as end-of-turn, is
///     trained
public record SpecialTokenCounts(int begunTwice, int ended) {

  public static SpecialTokenCounts of(List<Example> examples, Tokenizer tokenizer) {
    int twice = 0;
    int ended = 0;
    for (Example example : examples) {
      twice +=
          example.length() > 1
                  && example.id(0) == example.id(1)
                  && tokenizer.isSpecial(example.id(0))
              ? 1
              : 0;
      ended += ends(example, tokenizer) ? 1 : 0;
    }
    return new SpecialTokenCounts(twice, ended);
  }

  private static boolean ends(Example example, Tokenizer tokenizer) {
    for (int place = example.length() - 1; place > 0; place--) {
      int id = example.id(place);
      if (example.trained(place) && (tokenizer.isEnd(id) || tokenizer.isSpecial(id))) {
        return true;
      }
    }
    return false;
  }
}
