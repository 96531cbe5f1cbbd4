package dev.nudge.engine;

import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// Chooses the tokens of one sequence.
///
/// Threading: the engine's thread calls; what a method throws ends the sequence.
public interface Caller {
  /// The result of [#next] that ends the sequence.
  int END = -1;

  /// The result of [#next] that rewinds the sequence to the end of its prompt and prefills the
  /// tokens of [#branch] behind it.
  int BRANCH = -2;

  /// Chooses the next token.
  ///
  /// @param logits (n, vocabulary), valid during the call
  /// @param row the row of this sequence in `logits`
  /// @param ids all tokens of the sequence so far
  /// @param count how many entries of `ids` are filled
  /// @return the token, [#END] or [#BRANCH]
  int next(Tensor logits, int row, int[] ids, int count);

  /// Receives the logits of each prompt token from [SequenceRequest#toldFrom] on, except the last,
  /// in order and
  /// before the first [#next].
  ///
  /// @param logits (n, vocabulary), valid during the call
  /// @param row the row of this token in `logits`
  /// @param ids the prompt
  /// @param place index of the token in the prompt
  default void read(Tensor logits, int row, int[] ids, int place) {}

  /// Returns the tokens of a branch, which replaces everything behind the prompt: at least one, at
  /// most as many as the sequence may grow by. [#read] gets the logits of all of them but the last,
  /// [#next] those of the last. Earlier branches change no bit of a branch's logits, if the
  /// sequence may grow to as many positions.
  default int[] branch() {
    throw new UnsupportedOperationException("a caller without branches");
  }

  /// Is called once when the sequence has ended and has released its memory.
  ///
  /// @param failure why the sequence failed; null: it did not fail
  default void ended(@Nullable Throwable failure) {}
}
