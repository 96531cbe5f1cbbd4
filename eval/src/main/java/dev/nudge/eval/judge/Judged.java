package dev.nudge.eval.judge;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A pair of answers with the judge's verdict in each order.
///
/// @param forward reply with the first answer in first position; null: not asked
/// @param backward reply with the second answer in first position; null: not asked
public record Judged(
    Contest contest, Judge.@Nullable Reply forward, Judge.@Nullable Reply backward, Ruling ruling) {

  /// Returns the readable verdicts as given, each relative to its own order.
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

  /// Combines the replies of both orders.
  static Judged of(Contest contest, Judge.Reply forward, Judge.Reply backward) {
    return new Judged(contest, forward, backward, Ruling.of(forward.choice(), backward.choice()));
  }

  /// Returns a pair of identical answers, not asked.
  static Judged same(Contest contest) {
    return new Judged(contest, null, null, Ruling.IDENTICAL);
  }
}
