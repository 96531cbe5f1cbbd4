package dev.nudge.eval.report;

import dev.nudge.eval.judge.Agreement;
import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.judge.OrderBias;
import dev.nudge.eval.judge.WinRate;
import java.util.ArrayList;
import java.util.List;

/// Judge results as table rows.
final class JudgeView {
  /// Column heads of [#rows].
  static final List<String> COLUMNS =
      List.of(
          "Task",
          "Pair",
          "n",
          "Wins",
          "Ties",
          "Losses",
          "Win rate",
          "Interval",
          "p",
          "Contradictory",
          "First position",
          "Longer wins",
          "Unread");

  /// Column heads of [#agreement].
  static final List<String> AGREEMENT =
      List.of("Labelled pairs", "n", "Agreement", "Interval", "Kappa", "Interval of kappa");

  private JudgeView() {}

  static String name(JudgeResult judge) {
    return judge.model() == null ? judge.judge() : judge.model() + " at " + judge.judge();
  }

  /// Returns a row per task and pair of models.
  static List<List<String>> rows(JudgeResult judge) {
    List<List<String>> rows = new ArrayList<>();
    for (JudgeResult.Compared one : judge.compared()) {
      WinRate rate = one.rate();
      OrderBias order = rate.order();
      rows.add(
          List.of(
              one.task(),
              one.second() + " against " + one.first(),
              Shown.units(rate.pairs(), rate.clusters()),
              Shown.count(rate.wins()),
              Shown.count(rate.allTies()),
              Shown.count(rate.losses()),
              Shown.number(rate.rate()),
              Shown.range(rate.low(), rate.high()),
              Shown.p(rate.p()),
              Shown.percent(order.contradicting()),
              Shown.percent(order.firstShare()),
              Shown.percent(rate.longerShare()),
              Shown.count(rate.unread())));
    }
    return rows;
  }

  /// Returns a row over all labelled pairs, and one over pairs without a tie.
  static List<List<String>> agreement(Agreement agreement) {
    return List.of(
        row("all that could be read", agreement.all()), row("without ties", agreement.decided()));
  }

  /// Returns the position bias of the judge, in a sentence.
  static String order(OrderBias order) {
    return "Of these pairs %s are contradictory, which makes them ties, and %s of the verdicts name the answer that stood first."
        .formatted(Shown.percent(order.contradicting()), Shown.percent(order.firstShare()));
  }

  private static List<String> row(String name, Agreement.Measure measure) {
    return List.of(
        name,
        Shown.count(measure.pairs()),
        Shown.percent(measure.share()),
        Shown.range(measure.low(), measure.high()),
        Shown.number(measure.kappa()),
        Shown.range(measure.kappaLow(), measure.kappaHigh()));
  }
}
