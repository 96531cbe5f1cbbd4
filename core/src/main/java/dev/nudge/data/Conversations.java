package dev.nudge.data;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;

/// Makes tokens of conversations: what the chat template of a model does, seen from the data.
///
/// Messages are as users gave them, checked, in OpenAI's form. A conversation that cannot be
/// rendered is refused by an `IllegalArgumentException` with one line, which makes it a bad row.
///
/// Threading: any number of threads.
public interface Conversations {

  /// Tokens of a conversation, and which of them are trained; the first never is.
  ///
  /// @param weights of all tokens in the loss; null: trained ones weigh 1
  @SuppressWarnings("ArrayRecordComponent") // made, cut and handed on, never compared
  record Tokens(int[] ids, BitSet trained, double @Nullable [] weights) {}

  /// All messages, what the assistant says trained.
  Tokens conversation(ArrayNode messages, @Nullable ArrayNode tools);

  /// A prompt of messages and the messages that answer it; the answer is trained.
  Tokens answer(ArrayNode prompt, ArrayNode completion, @Nullable ArrayNode tools);

  /// A digest of the template and of the rule of what is trained: rows have the same tokens and
  /// marks where it is the same. Null: none is known, and tokens are made each time.
  default @Nullable String digest() {
    return null;
  }

  /// What the model is to go on from: all messages, and the beginning of an answer.
  Prompt prompt(ArrayNode messages, @Nullable ArrayNode tools);

  /// A prompt as text and as tokens, to which nothing is added any more.
  @SuppressWarnings("ArrayRecordComponent")
  record Prompt(String text, int[] ids) {}
}
