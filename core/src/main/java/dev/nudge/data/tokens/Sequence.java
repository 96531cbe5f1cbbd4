package dev.nudge.data.tokens;

import dev.nudge.text.Encoded;
import dev.nudge.text.TextRange;
import dev.nudge.text.Tokenizer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The token ids of one sequence and its label mask, before they are in a [TokenTable].
///
/// @param trained places of the trained tokens; the first token never is
/// @param weights loss weights of all tokens; null: trained ones have weight 1
/// @param value the number that its row gives it: a label, 1 or 0, a margin or a reward; mostly 0
/// @param text the text that was encoded, which these tokens begin; null: unknown
public record Sequence(
    int[] ids, BitSet trained, double @Nullable [] weights, double value, @Nullable Text text) {

  /// A text as it was given to the tokenizer.
  ///
  /// @param users what users wrote in it, where no special token is read; null: special tokens are
  ///     read everywhere
  public record Text(String text, @Nullable List<TextRange> users) {
    public Encoded encode(Tokenizer tokenizer) {
      return users == null ? tokenizer.encode(text) : tokenizer.encode(text, users);
    }
  }

  /// A sequence whose trained tokens have weight 1.
  public Sequence(int[] ids, BitSet trained, @Nullable Text text) {
    this(ids, trained, null, 0, text);
  }

  /// The number of tokens.
  public int length() {
    return ids.length;
  }

  /// Its first tokens, with the number that its row gives them.
  public Sequence first(int length, double value) {
    return new Sequence(Arrays.copyOf(ids, length), trained.get(0, length), weights, value, text);
  }
}
