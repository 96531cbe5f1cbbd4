package dev.nudge.eval.judge;

import java.util.List;

/// How much a judge's verdicts hang on the order in which answers stand.
///
/// @param pairs that were asked in both orders and read
/// @param contradictions of them, pairs whose two verdicts do not agree
/// @param decided verdicts that name an answer, one of each order counted alone
/// @param first of them, those that name the answer that stood first
public record OrderBias(int pairs, int contradictions, int decided, int first) {

  /// Counts.
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

  /// The share of pairs whose verdicts contradict each other; NaN where there is no pair.
  public double contradicting() {
    return contradictions / (double) pairs;
  }

  /// The share of verdicts that name the answer that stood first: ½ of a judge whom the order does
  /// not move, 1 of one who sees nothing else; NaN where no verdict names an answer.
  public double firstShare() {
    return first / (double) decided;
  }
}
