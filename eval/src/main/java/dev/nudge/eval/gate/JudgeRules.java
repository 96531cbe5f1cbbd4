package dev.nudge.eval.gate;

import dev.nudge.eval.judge.Balance;
import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.judge.WinRate;
import java.util.Locale;
import java.util.Optional;

/// Judges rules about what a judge says of the model's texts beside the base's.
///
/// Pairs whose verdicts cannot be read count nowhere, and which they are is not by chance: of long
/// answers, or of such as the judge finds odd. Where they are more than a tenth of all, nothing is
/// shown by the rest.
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

  /// What a rule comes to where there is none.
  static RuleResult untested(Rule.Judge rule, Gate.Evidence evidence) {
    WinRate rate = compared(rule, evidence).map(JudgeResult.Compared::rate).orElse(null);
    String sentence =
        rate == null || rate.pairs() + rate.unread() == 0
            ? "nobody judged the texts of %s; a bound of at least %s of the win rate is asked for"
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
