package dev.nudge.eval.gate;

import dev.nudge.eval.Holm;
import dev.nudge.eval.Interval;
import dev.nudge.settings.Count;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Tests the statistical rules of a policy, with Holm's correction within each kind of rule.
///
/// Each rule means two tests of one number: whether it is better than the limit, and whether it is
/// worse. The p-values of each side are adjusted over the rules of the kind (floors and ceilings
/// are one kind). A rule passes if the adjusted p of "better" is at most 1 − confidence; else it
/// fails if the adjusted p of "worse" is.
///
/// `improve` is judged by the two-sided interval that reports show, so its p-values are doubled:
/// with `by: 0` that is the two-sided test of no difference. The others are one-sided.
final class HolmTests {
  private static final double MOST = 1e6; // documents

  private HolmTests() {}

  /// A rule with the number that it tests.
  ///
  /// @param subject description of the number
  /// @param before the base's number; null if the rule is about the model alone
  /// @param measured the difference towards the better side, or the model's own number
  record Test(
      Rule.Tested rule, String subject, @Nullable Double before, double after, Measured measured) {

    /// Returns the threshold that the number is tested against.
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

    /// Returns the kind of rules that are tested together: floors and ceilings are one.
    private Rule.Kind family() {
      return rule.kind() == Rule.Kind.CEILING ? Rule.Kind.FLOOR : rule.kind();
    }
  }

  /// Tests all rules.
  static List<RuleResult> judge(List<Test> tests) {
    List<RuleResult> results = new ArrayList<>();
    for (Rule.Kind family : Rule.Kind.values()) {
      List<Test> own = tests.stream().filter(test -> test.family() == family).toList();
      double[] good = own.stream().mapToDouble(Test::pGood).toArray();
      double[] bad = own.stream().mapToDouble(Test::pBad).toArray();
      double[] goodOfAll = Holm.adjusted(good);
      double[] badOfAll = Holm.adjusted(bad);
      for (int i = 0; i < own.size(); i++) {
        Test test = own.get(i);
        results.add(result(test, good[i], goodOfAll[i], badOfAll[i], own.size()));
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
        sentence(test, verdict, p, good, bad, rules),
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

  /// Returns the finding in one sentence.
  private static String sentence(
      Test test, Verdict verdict, double p, double good, double bad, int rules) {
    List<String> parts = new ArrayList<>();
    parts.add(found(test));
    parts.add(verdict == Verdict.FAIL ? needed(test) : needed(test) + p(p, good, rules));
    if (verdict == Verdict.FAIL) {
      parts.add("the contrary is shown, p " + number(bad) + over(rules));
    }
    if (verdict == Verdict.INCONCLUSIVE) {
      parts.add(open(test, rules));
    }
    return String.join("; ", parts);
  }

  private static String found(Test test) {
    Measured measured = test.measured();
    Double before = test.before();
    String documents = Count.of(measured.documents(), "document");
    documents += measured.clusters() == 0 ? "" : " in " + Count.of(measured.clusters(), "cluster");
    String subject = test.subject();
    String values =
        before == null
            ? "%s is %s".formatted(subject, number(test.after()))
            : "%s went from %s to %s, %s by %s"
                .formatted(
                    subject,
                    number(before),
                    number(test.after()),
                    measured.value() < 0 ? "worse" : "better",
                    number(Math.abs(measured.value())));
    return values + ", " + interval(test) + " on " + documents;
  }

  private static String interval(Test test) {
    Interval interval = test.measured().interval(1 - 2 * test.alpha());
    if (!Double.isFinite(interval.low()) || !Double.isFinite(interval.high())) {
      return "no interval is known";
    }
    String percent = percent(test.rule().confidence());
    if (test.rule() instanceof Rule.Improve) {
      return "%s interval of the gain %s to %s"
          .formatted(percent, number(interval.low()), number(interval.high()));
    }
    return "one-sided %s bounds%s %s and %s"
        .formatted(
            percent,
            test.before() == null ? "" : " of the gain",
            number(interval.low()),
            number(interval.high()));
  }

  private static String needed(Test test) {
    return switch (test.rule()) {
      case Rule.Improve r -> "a gain above " + number(r.by()) + " is asked for";
      case Rule.Retain r -> "a loss below " + number(r.margin()) + " is allowed";
      case Rule.Limit r ->
          "a bound of at %s %s is asked for"
              .formatted(r.floor() ? "least" : "most", number(r.limit()));
      case Rule.Judge r -> "a bound of at least " + number(r.atLeast()) + " is asked for";
    };
  }

  private static String p(double p, double adjusted, int rules) {
    return rules == 1
        ? ", p " + number(p)
        : ", p " + number(p) + ", " + number(adjusted) + over(rules);
  }

  private static String over(int rules) {
    return rules == 1 ? "" : " over " + Count.of(rules, "rule");
  }

  private static String open(Test test, int rules) {
    Measured measured = test.measured();
    if (!Double.isFinite(measured.detectable(test.alpha()))) {
      return "so few documents, or such as are all alike, show nothing";
    }
    double more = measured.more(test.limit(), test.alpha() / rules);
    if (more > MOST) {
      return "neither is shown, and so near the limit a million more documents would not decide";
    }
    String value =
        switch (test.rule()) {
          case Rule.Improve _, Rule.Retain _ -> "a difference of this size";
          case Rule.Limit _ -> "a value like this";
          case Rule.Judge _ -> "a win rate like this";
        };
    boolean good = measured.value() > test.limit() == test.isAbove();
    return "neither is shown: with about %s%s %s would %s four times of five"
        .formatted(
            Count.of(rounded(more), "more document"),
            measured.clusters() == 0 ? "" : " in further clusters",
            value,
            good ? "pass" : "fail");
  }

  /// Rounds to two significant digits.
  private static long rounded(double count) {
    return new BigDecimal(count).round(new MathContext(2, RoundingMode.HALF_UP)).longValue();
  }

  static String percent(double share) {
    String text = String.format(Locale.ROOT, "%.4f", share * 100);
    return text.replaceAll("\\.?0+$", "") + " %";
  }

  /// Four decimals, or three significant digits for small and large numbers.
  static String number(double value) {
    if (Double.isNaN(value)) {
      return "unknown";
    }
    double size = Math.abs(value);
    if (value == 0 || size >= 0.001 && size < 10_000) {
      String text = String.format(Locale.ROOT, "%.4f", value);
      return text.replaceAll("(\\.\\d*?)0+$", "$1").replaceAll("\\.$", "");
    }
    return String.format(Locale.ROOT, "%.2e", value);
  }
}
