package dev.nudge.eval.gate;

import dev.nudge.eval.Holm;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Tests the statistical rules of a policy, with Holm's correction within each kind of rule.
///
/// Each rule is two tests of one number: beyond its limit on the good side, and beyond it on the
/// bad side. The p-values of each side are adjusted over the rules of the kind (floors and
/// ceilings are one kind). A rule passes if the adjusted p of the good side is at most 1 −
/// confidence, else fails if that of the bad side is.
///
/// `improve` is judged by the two-sided interval that reports show, so its p-values are doubled:
/// with `by: 0` that is the two-sided test of no difference. The others are one-sided.
final class HolmTests {
  private HolmTests() {}

  /// A rule with the number that it tests.
  ///
  /// @param subject the number, in words
  /// @param before the base's number; null if the rule is about the model alone
  /// @param measured the difference towards the better side, or the model's own number
  record Test(
      Rule.Tested rule, String subject, @Nullable Double before, double after, Measured measured) {

    /// The threshold that the number is tested against.
    double limit() {
      return switch (rule) {
        case Rule.Improve r -> r.by();
        case Rule.Retain r -> -r.margin();
        case Rule.Limit r -> r.limit();
        case Rule.Judge r -> r.atLeast();
      };
    }

    boolean isAbove() {
      return !(rule instanceof Rule.Limit limit) || limit.floor();
    }

    private int sides() {
      return rule instanceof Rule.Improve ? 2 : 1;
    }

    /// One-sided significance level.
    double alpha() {
      return (1 - rule.confidence()) / sides();
    }

    double pGood() {
      return p(isAbove());
    }

    double pBad() {
      return p(!isAbove());
    }

    private double p(boolean above) {
      double p = above ? measured.pAbove(limit()) : measured.pBelow(limit());
      return Math.min(1, sides() * p);
    }

    private Family family() {
      return switch (rule) {
        case Rule.Improve r -> Family.IMPROVE;
        case Rule.Retain r -> Family.RETAIN;
        case Rule.Limit r -> Family.LIMIT;
        case Rule.Judge r -> Family.JUDGE;
      };
    }
  }

  /// Rules that are tested together.
  private enum Family {
    IMPROVE,
    RETAIN,
    LIMIT,
    JUDGE
  }

  /// Tests all rules.
  static IdentityHashMap<Rule, RuleResult> judge(List<Test> tests) {
    IdentityHashMap<Rule, RuleResult> results = new IdentityHashMap<>(); // a rule may come twice
    for (Family family : Family.values()) {
      List<Test> own = tests.stream().filter(test -> test.family() == family).toList();
      double[] good = own.stream().mapToDouble(Test::pGood).toArray();
      double[] bad = own.stream().mapToDouble(Test::pBad).toArray();
      double[] goodOfAll = Holm.adjusted(good);
      double[] badOfAll = Holm.adjusted(bad);
      for (int i = 0; i < own.size(); i++) {
        Test test = own.get(i);
        results.put(test.rule(), result(test, good[i], goodOfAll[i], badOfAll[i], own.size()));
      }
    }
    return results;
  }

  private static RuleResult result(Test test, double p, double good, double bad, int rules) {
    double level = 1 - test.rule().confidence() + 1e-12; // 1 − 0.95 is below 0.05
    Verdict verdict =
        good <= level ? Verdict.PASS : bad <= level ? Verdict.FAIL : Verdict.INCONCLUSIVE;
    var interval = test.measured().interval(1 - 2 * test.alpha());
    double detectable =
        verdict == Verdict.INCONCLUSIVE ? test.measured().detectable(test.alpha()) : Double.NaN;
    Double before = test.before();
    return new RuleResult(
        test.rule(),
        verdict,
        RuleSentences.of(test, verdict, p, good, bad, rules),
        test.measured().value(),
        interval.low(),
        interval.high(),
        test.limit(),
        test.measured().documents(),
        p,
        good,
        Double.isFinite(detectable) ? detectable : Double.NaN,
        before == null ? Double.NaN : before,
        test.rule() instanceof Rule.Judge ? Double.NaN : test.after());
  }
}
