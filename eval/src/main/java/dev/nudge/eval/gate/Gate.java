package dev.nudge.eval.gate;

import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.judge.WinRate;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.run.GroupScores;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.Outcome;
import dev.nudge.eval.run.Pace;
import dev.nudge.eval.run.TaskScores.Score;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Judges evaluation results by a policy.
///
/// A rule passes if its condition is shown, fails if the contrary is shown, and is inconclusive if
/// the documents show neither; "no significant difference" passes nothing. Rules of one kind are
/// tested together: over all of them the probability of a wrong PASS, and of a wrong FAIL, stays
/// at 1 − confidence ([HolmTests]).
public final class Gate {
  private static final double UNREAD = 0.1; // the largest share of all pairs

  private Gate() {}

  /// The input of a verdict.
  ///
  /// @param outcome evaluation results; the main model is compared with its base
  /// @param leaks train/test contamination of each task, by task; empty if there was no scan
  /// @param judge results of an LLM judge; null if there was none
  public record Evidence(
      Outcome outcome, Map<String, LeakReport> leaks, @Nullable JudgeResult judge) {
    public Evidence {
      leaks = Map.copyOf(leaks);
    }

    ModelResults base() {
      return outcome.models().getFirst();
    }
  }

  /// Judges the evidence by a policy.
  ///
  /// @throws InputException if a rule names a task or metric that was not evaluated
  public static GateResult judge(Policy policy, Evidence evidence, Digests digests, Instant at) {
    ModelResults model = evidence.outcome().main();
    policy.check(metrics(model), groups(model), model.adapter() != null);
    CheckedRules found = new CheckedRules(policy);
    for (Rule rule : policy.rules()) {
      switch (rule) {
        case Rule.OfMetric r ->
            found.judge(r, () -> Subject.of(r.on(), evidence.base()), Subject.of(r.on(), model));
        case Rule.Judge r -> winRate(r, evidence, found);
        case Rule.Leakage r -> found.plain.put(r, leakage(r, evidence));
        case Rule.Latency r -> found.put(latency(r, evidence.outcome().pace()));
      }
    }
    return found.result(digests, at);
  }

  /// Judges one metric of two models on the same rows.
  ///
  /// @param task name of the rows in the rules
  /// @throws InputException as [Policy#checkRows] does
  public static GateResult judge(
      Policy policy, String task, Score before, Score after, Digests digests, Instant at) {
    policy.checkRows(task, after.metric().name());
    CheckedRules found = new CheckedRules(policy);
    for (Rule rule : policy.rules()) {
      if (rule instanceof Rule.OfMetric r) {
        found.judge(r, () -> Subject.of(task, before), Subject.of(task, after));
      }
    }
    return found.result(digests, at);
  }

  /// The rules of a policy with the results so far.
  private record CheckedRules(
      Policy policy, List<HolmTests.Test> tests, Map<Rule, List<RuleResult>> plain) {
    CheckedRules(Policy policy) {
      this(policy, new ArrayList<>(), new IdentityHashMap<>()); // a rule may occur twice
    }

    void put(RuleResult result) {
      plain.put(result.rule(), List.of(result));
    }

    void judge(Rule.OfMetric rule, Supplier<Subject> base, Subject after) {
      if (rule instanceof Rule.Limit limit && limit.by() == Rule.By.POINT) {
        put(point(limit, after));
      } else if (rule instanceof Rule.Limit) {
        tests.add(
            new HolmTests.Test(rule, rule.on().metric(), null, after.value(), after.measured()));
      } else {
        Subject before = base.get();
        Measured above = after.above(before);
        Measured better = after.higherIsBetter() ? above : above.negative();
        tests.add(
            new HolmTests.Test(rule, rule.on().metric(), before.value(), after.value(), better));
      }
    }

    GateResult result(Digests digests, Instant at) {
      HolmTests.judge(tests).forEach(this::put);
      List<RuleResult> results =
          policy.rules().stream()
              .flatMap(rule -> Objects.requireNonNull(plain.get(rule)).stream())
              .toList();
      Verdict all = Verdict.of(results.stream().map(RuleResult::verdict).toList());
      return new GateResult(all, policy.place(), results, digests, at);
    }
  }

  /// Returns the metrics of each task, in the form that [Policy#check] takes.
  static Map<String, Set<String>> metrics(ModelResults model) {
    Map<String, Set<String>> all = new LinkedHashMap<>();
    model
        .tasks()
        .forEach(
            (name, task) -> {
              Set<String> own = all.computeIfAbsent(name, _ -> new LinkedHashSet<>());
              for (Score score : task.scores().values()) {
                own.add(score.metric().name());
                own.add(score.key());
              }
            });
    model
        .groups()
        .forEach(
            (name, group) -> {
              Set<String> own = new LinkedHashSet<>();
              for (String key : group.scores().keySet()) {
                own.add(key.substring(0, key.lastIndexOf(',')));
                own.add(key);
              }
              if (!own.isEmpty()) {
                all.put(name, own);
              }
            });
    return all;
  }

  private static Map<String, List<String>> groups(ModelResults model) {
    Map<String, List<String>> all = new LinkedHashMap<>();
    model.groups().forEach((name, group) -> all.put(name, group.group().tasks()));
    return all;
  }

  /// Judges a floor or ceiling by the point estimate (`judged_by: point`).
  private static RuleResult point(Rule.Limit rule, Subject subject) {
    double value = subject.value();
    boolean kept = rule.floor() ? value >= rule.limit() : value <= rule.limit();
    Verdict verdict =
        Double.isNaN(value) ? Verdict.INCONCLUSIVE : kept ? Verdict.PASS : Verdict.FAIL;
    String sentence =
        "%s is %s on %s; at %s %s is asked for, by the number itself"
            .formatted(
                rule.on().metric(),
                HolmTests.number(value),
                Count.of(subject.documents(), "document"),
                rule.floor() ? "least" : "most",
                HolmTests.number(rule.limit()));
    return RuleResult.plain(rule, verdict, sentence, value, rule.limit(), subject.documents());
  }

  /// Judges the share of leaked documents (train/test contamination), task by task if the rule
  /// names no task or a group.
  private static List<RuleResult> leakage(Rule.Leakage rule, Evidence evidence) {
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
                .formatted(task, HolmTests.percent(rule.atMost()));
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
              HolmTests.percent(share),
              HolmTests.percent(rule.atMost()));
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

  private static RuleResult latency(Rule.Latency rule, Pace pace) {
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
                    : HolmTests.number(value) + " " + unit,
                rule.perRequest() ? "most" : "least",
                HolmTests.number(rule.limit()));
    return RuleResult.plain(rule, verdict, sentence, value, rule.limit(), 0);
  }

  /// Tests the judge's win rate of the model over the base. Pairs with an unreadable verdict are
  /// left out, and they are not missing at random: their answers are long or unusual. If they are
  /// more than a tenth of all pairs, the rule is inconclusive.
  private static void winRate(Rule.Judge rule, Evidence evidence, CheckedRules found) {
    JudgeResult judge = evidence.judge();
    JudgeResult.Compared compared =
        judge == null
            ? null
            : judge
                .of(rule.task(), evidence.base().name(), evidence.outcome().main().name())
                .orElse(null);
    WinRate rate = compared == null ? null : compared.rate();
    int pairs = rate == null ? 0 : rate.pairs();
    int unread = rate == null ? 0 : rate.unread();
    if (compared != null && rate != null && pairs > 0 && unread <= UNREAD * (unread + pairs)) {
      String subject =
          String.format(
              Locale.ROOT,
              "win rate over %s (%,d won, %,d lost, %,d tied, %,d not read)",
              compared.first(),
              rate.wins(),
              rate.losses(),
              rate.allTies(),
              unread);
      Measured measured = Measured.of(rate, WinRate.intervals(compared.judged()));
      found.tests.add(new HolmTests.Test(rule, subject, null, rate.rate(), measured));
      return;
    }
    String sentence =
        pairs + unread == 0
            ? "no judge results for %s; a bound of at least %s of the win rate is asked for"
                .formatted(rule.task(), HolmTests.number(rule.atLeast()))
            : String.format(
                Locale.ROOT,
                "the verdicts on %,d of %,d pairs of %s could not be read; where they are more than"
                    + " %s, the rest shows nothing",
                unread,
                unread + pairs,
                rule.task(),
                HolmTests.percent(UNREAD));
    double value = rate == null ? Double.NaN : rate.rate();
    found.put(RuleResult.plain(rule, Verdict.INCONCLUSIVE, sentence, value, rule.atLeast(), pairs));
  }
}
