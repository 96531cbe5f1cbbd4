package dev.nudge.cli.judge;

import dev.nudge.eval.judge.Agreement;
import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.judge.OrderBias;
import dev.nudge.eval.judge.WinRate;
import dev.nudge.settings.Count;
import java.util.ArrayList;
import java.util.List;

/// Prints judge results: a line per task and pair of models, and one for the agreement with
/// humans.
final class JudgeLines {
  private JudgeLines() {}

  static List<String> of(JudgeResult judge) {
    List<String> lines = new ArrayList<>();
    judge.compared().forEach(one -> lines.add(line(one)));
    Agreement agreement = judge.agreement();
    if (agreement != null) {
      lines.add(line(agreement));
    }
    return lines;
  }

  private static String line(JudgeResult.Compared one) {
    WinRate rate = one.rate();
    OrderBias order = rate.order();
    return "judge: %s, %s against %s: win rate %s [%s, %s], p %s; %d wins, %d losses, %d ties (%d contradictory) of %s%s"
        .formatted(
            one.task(),
            one.second(),
            one.first(),
            EvalVerb.number(rate.rate()),
            EvalVerb.number(rate.low()),
            EvalVerb.number(rate.high()),
            EvalVerb.number(rate.p()),
            rate.wins(),
            rate.losses(),
            rate.allTies(),
            order.contradictions(),
            Count.of(rate.pairs(), "pair"),
            first(order) + unread(rate.unread()));
  }

  private static String line(Agreement agreement) {
    Agreement.Measure all = agreement.all();
    Agreement.Measure decided = agreement.decided();
    return "judge: agrees with people on %s of %s, kappa %s [%s, %s]; without ties on %s of %s, kappa %s; %d contradictory%s"
        .formatted(
            EvalVerb.number(all.share()),
            Count.of(all.pairs(), "pair"),
            EvalVerb.number(all.kappa()),
            EvalVerb.number(all.kappaLow()),
            EvalVerb.number(all.kappaHigh()),
            EvalVerb.number(decided.share()),
            decided.pairs(),
            EvalVerb.number(decided.kappa()),
            agreement.order().contradictions(),
            first(agreement.order()) + unread(agreement.unread()));
  }

  private static String first(OrderBias order) {
    return order.decided() == 0
        ? ""
        : ", first position %s of verdicts".formatted(EvalVerb.number(order.firstShare()));
  }

  private static String unread(int pairs) {
    return pairs == 0 ? "" : "; " + Count.of(pairs, "more pair") + " could not be read";
  }
}
