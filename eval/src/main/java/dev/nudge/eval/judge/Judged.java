package dev.nudge.eval.judge;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A pair with its verdicts.
///
/// @param forward with the first answer first; null: nobody was asked
/// @param backward with the second answer first; null likewise
public record Judged(
    Contest contest, Judge.@Nullable Reply forward, Judge.@Nullable Reply backward, Ruling ruling) {

  /// The verdicts that could be read, each as it was given.
  List<Choice> choices() {
    List<Choice> all = new ArrayList<>();
    if (forward != null && forward.choice() != null) {
      all.add(forward.choice());
    }
    if (backward != null && backward.choice() != null) {
      all.add(backward.choice());
    }
    return all;
  }

  /// Of two replies.
  static Judged of(Contest contest, Judge.Reply forward, Judge.Reply backward) {
    return new Judged(contest, forward, backward, Ruling.of(forward.choice(), backward.choice()));
  }

  /// Of the same text twice.
  static Judged same(Contest contest) {
    return new Judged(contest, null, null, Ruling.IDENTICAL);
  }
}
