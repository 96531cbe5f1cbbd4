package dev.nudge.eval.judge;

import java.util.List;

/// Position bias of a judge: how much verdicts depend on the order of the answers.
///
/// @param pairs pairs with readable verdicts in both orders
/// @param contradictions pairs whose two verdicts disagree
/// @param decided verdicts that name an answer, single readable ones included
/// @param first verdicts that name the answer in first position
public record OrderBias(int pairs, int contradictions, int decided, int first) {

  /// Counts over judged pairs.
  public static OrderBias of(List<Judged> judged) {
    int decided = 0;
    int first = 0;
    for (Judged pair : judged) {
      for (Choice choice : pair.choices()) {
        decided += choice == Choice.TIE ? 0 : 1;
        first += choice == Choice.A ? 1 : 0;
      }
    }
    return new OrderBias(
        (int)
            judged.stream()
                .filter(p -> p.ruling() != Ruling.UNREAD && p.ruling() != Ruling.IDENTICAL)
                .count(),
        (int) judged.stream().filter(p -> p.ruling() == Ruling.CONTRADICTION).count(),
        decided,
        first);
  }

  /// Returns the share of pairs with contradicting verdicts; NaN without pairs.
  public double contradicting() {
    return contradictions / (double) pairs;
  }

  /// Returns the share of verdicts for the answer in first position: ½ without bias, 1 if only the
  /// position counts; NaN if no verdict names an answer.
  public double firstShare() {
    return first / (double) decided;
  }
}
