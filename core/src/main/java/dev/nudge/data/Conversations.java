package dev.nudge.data;

import dev.nudge.data.tokens.Sequence;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;

/// Renders and tokenises conversations by a model's chat template, as this package sees it.
///
/// Messages are in OpenAI's form and already checked. If a conversation cannot be rendered, the
/// `IllegalArgumentException` has one line and makes the row a bad row.
///
/// Threading: any number of threads.
public interface Conversations {

  /// Tokenises all messages; by default those of the assistant are trained.
  Sequence conversation(ArrayNode messages, @Nullable ArrayNode tools);

  /// Tokenises a prompt and the messages that answer it; only the answer is trained.
  Sequence answer(ArrayNode prompt, ArrayNode completion, @Nullable ArrayNode tools);

  /// A digest of the template and the rule for its label mask: if equal, rows have equal tokens and
  /// masks. Null: unknown, and tokens are not cached.
  default @Nullable String digest() {
    return null;
  }

  /// Renders the messages as a prompt, with the beginning of an answer.
  Prompt prompt(ArrayNode messages, @Nullable ArrayNode tools);

  /// A prompt as text and as tokens, complete with all special tokens.
  record Prompt(String text, int[] ids) {}
}
