package dev.nudge.eval.gate;

import dev.nudge.eval.judge.Balance;
import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.judge.WinRate;
import java.util.Locale;
import java.util.Optional;

/// Judges rules about an LLM judge's win rate of the model over the base.
///
/// Pairs with an unreadable verdict are left out, and they are not missing at random: their
/// answers are long or odd. If they are more than a tenth of all pairs, the rule is inconclusive.
final class JudgeRules {
  private static final double UNREAD = 0.1; // the largest share of all pairs

  private JudgeRules() {}

  private static Optional<JudgeResult.Compared> compared(Rule.Judge rule, Gate.Evidence evidence) {
    JudgeResult judge = evidence.judge();
    return judge == null
        ? Optional.empty()
        : judge.of(rule.task(), evidence.base().name(), evidence.outcome().main().name());
  }

  private static boolean isRead(WinRate rate) {
    return rate.unread() <= UNREAD * (rate.unread() + rate.pairs());
  }

  /// Whether there is a win rate to test.
  static boolean isTested(Rule.Judge rule, Gate.Evidence evidence) {
    return compared(rule, evidence)
        .map(JudgeResult.Compared::rate)
        .filter(rate -> rate.pairs() > 0 && isRead(rate))
        .isPresent();
  }

  static HolmTests.Test test(Rule.Judge rule, Gate.Evidence evidence) {
    JudgeResult.Compared compared = compared(rule, evidence).orElseThrow();
    WinRate rate = compared.rate();
    String subject =
        String.format(
            Locale.ROOT,
            "win rate over %s (%,d won, %,d lost, %,d tied, %,d not read)",
            compared.first(),
            rate.wins(),
            rate.losses(),
            rate.allTies(),
            rate.unread());
    Measured measured = Measured.of(Balance.of(compared.judged()));
    return new HolmTests.Test(rule, subject, null, rate.rate(), measured);
  }

  /// The inconclusive result of a rule without a win rate.
  static RuleResult untested(Rule.Judge rule, Gate.Evidence evidence) {
    WinRate rate = compared(rule, evidence).map(JudgeResult.Compared::rate).orElse(null);
    String sentence =
        rate == null || rate.pairs() + rate.unread() == 0
            ? "no judge results for %s; a bound of at least %s of the win rate is asked for"
                .formatted(rule.task(), RuleSentences.number(rule.atLeast()))
            : String.format(
                Locale.ROOT,
                "the verdicts on %,d of %,d pairs of %s could not be read; where they are more than %s, the rest shows nothing",
                rate.unread(),
                rate.unread() + rate.pairs(),
                rule.task(),
                RuleSentences.percent(UNREAD));
    return RuleResult.plain(
        rule,
        Verdict.INCONCLUSIVE,
        sentence,
        rate == null ? Double.NaN : rate.rate(),
        rule.atLeast(),
        rate == null ? 0 : rate.pairs());
  }
}
