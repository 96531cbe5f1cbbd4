package dev.nudge.eval.gate;

import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.run.GroupScores;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.Pace;
import dev.nudge.settings.Count;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Judges rules without a statistical test: a number is within its limit or beyond.
final class PlainRules {
  private PlainRules() {}

  /// Judges a floor or ceiling by the point estimate (`judged_by: point`).
  static RuleResult point(Rule.Limit rule, Subject subject) {
    double value = subject.value();
    boolean kept = rule.floor() ? value >= rule.limit() : value <= rule.limit();
    Verdict verdict =
        Double.isNaN(value) ? Verdict.INCONCLUSIVE : kept ? Verdict.PASS : Verdict.FAIL;
    String sentence =
        "%s is %s on %s; at %s %s is asked for, by the number itself"
            .formatted(
                rule.on().metric(),
                RuleSentences.number(value),
                Count.of(subject.documents(), "document"),
                rule.floor() ? "least" : "most",
                RuleSentences.number(rule.limit()));
    return RuleResult.plain(rule, verdict, sentence, value, rule.limit(), subject.documents());
  }

  /// Judges the share of leaked documents (train/test contamination), task by task if the rule
  /// names no task or a group.
  static List<RuleResult> leakage(Rule.Leakage rule, Gate.Evidence evidence) {
    List<RuleResult> results = new ArrayList<>();
    String named = rule.task();
    ModelResults model = evidence.outcome().main();
    GroupScores group = named == null ? null : model.groups().get(named);
    List<String> tasks =
        named == null
            ? List.copyOf(model.tasks().keySet())
            : group == null ? List.of(named) : group.group().tasks();
    for (String task : tasks) {
      Rule.Leakage own = new Rule.Leakage(task, rule.atMost(), rule.kinds());
      LeakReport report = evidence.leaks().get(task);
      if (report == null || report.items() == 0 || report.rows() == 0) {
        String sentence =
            "no leak scan of %s against the training set; at most %s of its documents may leak"
                .formatted(task, RuleSentences.percent(rule.atMost()));
        results.add(
            RuleResult.plain(own, Verdict.INCONCLUSIVE, sentence, Double.NaN, rule.atMost(), 0));
        continue;
      }
      long found =
          report.leaks().stream()
              .filter(leak -> leak.witnesses().keySet().stream().anyMatch(rule.kinds()::contains))
              .count();
      double share = found / (double) report.items();
      String sentence =
          String.format(
              Locale.ROOT,
              "%,d of %,d documents of %s (%s) stand in the training set; at most %s may",
              found,
              report.items(),
              task,
              RuleSentences.percent(share),
              RuleSentences.percent(rule.atMost()));
      Verdict clean = report.isBlind() ? Verdict.INCONCLUSIVE : Verdict.PASS;
      if (report.isBlind()) {
        sentence +=
            String.format(
                Locale.ROOT,
                "; %,d of its %,d rows could not be looked at",
                report.unread(),
                report.rows() + report.unread());
      }
      results.add(
          RuleResult.plain(
              own,
              share <= rule.atMost() ? clean : Verdict.FAIL,
              sentence,
              share,
              rule.atMost(),
              report.items()));
    }
    return results;
  }

  static RuleResult latency(Rule.Latency rule, Pace pace) {
    double value = rule.perRequest() ? pace.secondsPerRequest() : pace.tokensPerSecond();
    String unit = rule.perRequest() ? "seconds a request" : "tokens a second";
    boolean kept = rule.perRequest() ? value <= rule.limit() : value >= rule.limit();
    Verdict verdict =
        Double.isNaN(value) ? Verdict.INCONCLUSIVE : kept ? Verdict.PASS : Verdict.FAIL;
    String sentence =
        "%s; at %s %s is asked for"
            .formatted(
                Double.isNaN(value)
                    ? "this evaluation does not tell its " + unit
                    : RuleSentences.number(value) + " " + unit,
                rule.perRequest() ? "most" : "least",
                RuleSentences.number(rule.limit()));
    return RuleResult.plain(rule, verdict, sentence, value, rule.limit(), 0);
  }
}
