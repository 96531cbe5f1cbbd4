package dev.nudge.data.tokens;

import dev.nudge.text.Encoded;
import dev.nudge.text.TextRange;
import dev.nudge.text.Tokenizer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A text as it was given to the tokenizer.
///
/// @param users what users wrote in it, where no special token is read; null: special tokens are
///     read everywhere
public record EncodedText(String text, @Nullable List<TextRange> users) {
  public Encoded encode(Tokenizer tokenizer) {
    return users == null ? tokenizer.encode(text) : tokenizer.encode(text, users);
  }
}
