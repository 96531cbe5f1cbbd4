package dev.nudge.eval.gate;

import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.Outcome;
import dev.nudge.eval.run.TaskScores.Score;
import java.time.Instant;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
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
    Found found = new Found(policy);
    for (Rule rule : policy.rules()) {
      switch (rule) {
        case Rule.OfMetric r ->
            found.judge(r, () -> Subject.of(r.on(), evidence.base()), Subject.of(r.on(), model));
        case Rule.Judge r when JudgeRules.isTested(r, evidence) ->
            found.tests.add(JudgeRules.test(r, evidence));
        case Rule.Judge r -> found.plain.put(r, List.of(JudgeRules.untested(r, evidence)));
        case Rule.Leakage r -> found.plain.put(r, PlainRules.leakage(r, evidence));
        case Rule.Latency r ->
            found.plain.put(r, List.of(PlainRules.latency(r, evidence.outcome().pace())));
      }
    }
    return found.result(digests, at);
  }

  /// Judges one metric of the same rows, of a model and of the one that it is compared with.
  ///
  /// @param task by which the rules name the rows
  /// @throws InputException as [Policy#checkRows] does
  public static GateResult judge(
      Policy policy, String task, Score before, Score after, Digests digests, Instant at) {
    policy.checkRows(task, after.metric().name());
    Found found = new Found(policy);
    for (Rule rule : policy.rules()) {
      if (rule instanceof Rule.OfMetric r) {
        found.judge(r, () -> Subject.of(task, before), Subject.of(task, after));
      }
    }
    return found.result(digests, at);
  }

  /// The rules of a policy with what was found of them so far.
  private record Found(
      Policy policy, List<HolmTests.Test> tests, Map<Rule, List<RuleResult>> plain) {
    Found(Policy policy) {
      this(policy, new ArrayList<>(), new IdentityHashMap<>()); // a rule may come twice
    }

    void judge(Rule.OfMetric rule, Supplier<Subject> base, Subject after) {
      if (rule instanceof Rule.Limit limit && limit.by() == Rule.By.POINT) {
        plain.put(rule, List.of(PlainRules.point(limit, after)));
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
      HolmTests.judge(tests).forEach((rule, result) -> plain.put(rule, List.of(result)));
      List<RuleResult> results =
          policy.rules().stream()
              .flatMap(rule -> Objects.requireNonNull(plain.get(rule)).stream())
              .toList();
      Verdict all = Verdict.of(results.stream().map(RuleResult::verdict).toList());
      return new GateResult(all, policy.place(), results, digests, at);
    }
  }

  /// The metrics of each task, in the form that [Policy#check] takes.
  static Map<String, Set<String>> metrics(ModelResults model) {
    Map<String, Set<String>> all = new LinkedHashMap<>();
    model
        .tasks()
        .forEach(
            (name, task) -> {
              Set<String> own = new LinkedHashSet<>();
              task.scores()
                  .values()
                  .forEach(
                      score -> {
                        own.add(score.metric().name());
                        own.add(score.key());
                      });
              all.put(name, own);
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
}
