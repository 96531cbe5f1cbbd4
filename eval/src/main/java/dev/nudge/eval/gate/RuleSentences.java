package dev.nudge.eval.gate;

import dev.nudge.eval.Interval;
import dev.nudge.settings.Count;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Writes the one-sentence finding of a statistical rule.
final class RuleSentences {
  private static final double MOST = 1e6; // documents

  private RuleSentences() {}

  static String of(
      HolmTests.Test test, Verdict verdict, double p, double good, double bad, int rules) {
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

  private static String found(HolmTests.Test test) {
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

  private static String interval(HolmTests.Test test) {
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

  private static String needed(HolmTests.Test test) {
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

  private static String open(HolmTests.Test test, int rules) {
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
