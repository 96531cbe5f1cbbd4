package dev.nudge.eval.gate;

import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.Outcome;
import dev.nudge.settings.InputException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Judges what an evaluation came to by a policy.
///
/// A rule passes where what it asks for is shown, fails where the contrary is shown, and is
/// inconclusive where the documents show neither; "no difference was found" passes nothing. Rules
/// of one kind are tested together, so that with all of them the probability of one wrong PASS, and
/// of one wrong FAIL, stays at one minus the confidence ([Families]).
public final class Gate {
  private Gate() {}

  /// What is judged.
  ///
  /// @param outcome its main model is judged, beside its base
  /// @param leaks what was found of each task's documents in the training set, by task; empty: it
  ///     was not looked for
  /// @param judge null: no texts were judged
  public record Evidence(
      Outcome outcome, Map<String, LeakReport> leaks, Speed speed, @Nullable JudgeResult judge) {
    public Evidence {
      leaks = Map.copyOf(leaks);
    }

    /// An outcome alone.
    public static Evidence of(Outcome outcome) {
      return new Evidence(outcome, Map.of(), Speed.of(outcome), null);
    }

    ModelResults base() {
      return outcome.models().getFirst();
    }
  }

  /// Judges.
  ///
  /// @throws InputException where a rule names what was not evaluated
  public static GateResult judge(Policy policy, Evidence evidence, Digests digests, Instant at) {
    ModelResults model = evidence.outcome().main();
    policy.check(metrics(model), groups(model), model.adapter() != null);
    List<Families.Test> tests = new ArrayList<>();
    for (Rule rule : policy.rules()) {
      if (rule instanceof Rule.OfMetric of && isTested(of)) {
        tests.add(test(of, evidence));
      } else if (rule instanceof Rule.Judge judge && JudgeRules.isTested(judge, evidence)) {
        tests.add(JudgeRules.test(judge, evidence));
      }
    }
    IdentityHashMap<Rule, RuleResult> tested = Families.judge(tests);
    List<RuleResult> results = new ArrayList<>();
    for (Rule rule : policy.rules()) {
      RuleResult known = tested.get(rule);
      if (known != null) {
        results.add(known);
        continue;
      }
      switch (rule) {
        case Rule.Leakage r -> results.addAll(PlainRules.leakage(r, evidence));
        case Rule.Latency r -> results.add(PlainRules.latency(r, evidence.speed()));
        case Rule.Judge r -> results.add(JudgeRules.untested(r, evidence));
        case Rule.Limit r -> results.add(PlainRules.point(r, Subject.of(r.on(), model)));
        default -> throw new IllegalStateException("not judged: " + rule.name());
      }
    }
    Verdict all = Verdict.of(results.stream().map(RuleResult::verdict).toList());
    return new GateResult(all, policy.place(), results, digests, at);
  }

  /// The metrics of each task, as [Policy#check] takes them.
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

  private static boolean isTested(Rule.OfMetric rule) {
    return !(rule instanceof Rule.Limit limit && limit.by() == Rule.By.POINT);
  }

  private static Families.Test test(Rule.OfMetric rule, Evidence evidence) {
    Subject after = Subject.of(rule.on(), evidence.outcome().main());
    if (rule instanceof Rule.Limit) {
      return new Families.Test(rule, rule.on().metric(), null, after.value(), after.measured());
    }
    Subject before = Subject.of(rule.on(), evidence.base());
    Measured above = after.above(before);
    Measured better = after.higherIsBetter() ? above : above.negative();
    return new Families.Test(rule, rule.on().metric(), before.value(), after.value(), better);
  }
}
