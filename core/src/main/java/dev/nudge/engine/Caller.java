package dev.nudge.engine;

import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// Chooses the tokens of one sequence.
///
/// Threading: the engine's thread calls; what a method throws ends the sequence.
public interface Caller {
  /// What [#next] gives where the sequence ends.
  int END = -1;

  /// What [#next] gives where the sequence goes back to the end of its prompt and reads the tokens
  /// of [#branch] behind it.
  int BRANCH = -2;

  /// Chooses the token that follows.
  ///
  /// @param logits (n, vocabulary), valid during the call
  /// @param row the sequence's
  /// @param ids all tokens of the sequence so far
  /// @param count how many of `ids` are filled
  /// @return the token, [#END] or [#BRANCH]
  int next(Tensor logits, int row, int[] ids, int count);

  /// Is told, before the first token is chosen, what comes behind each token of the prompt but the
  /// last, in order, where it was asked for so.
  ///
  /// @param logits (n, vocabulary), valid during the call
  /// @param row the token's
  /// @param ids the prompt
  /// @param place of the token in it
  default void read(Tensor logits, int row, int[] ids, int place) {}

  /// Gives the tokens that are read behind the prompt, in place of all that was there: at least
  /// one,
  /// and no more than the sequence may grow by. What comes behind each of them but the last is told
  /// by [#read], what comes behind the last by [#next]. A branch has the bits that it has with no
  /// other branch before it, where the sequence may grow to as many positions.
  default int[] branch() {
    throw new UnsupportedOperationException("a caller without branches");
  }

  /// Is told once that the sequence has ended and holds nothing any more.
  ///
  /// @param failure what it failed with; null: it did not
  default void ended(@Nullable Throwable failure) {}
}
