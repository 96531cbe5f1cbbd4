package dev.nudge.server.experiments;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Simulates whole experiments in which no arm differs from another, judges each after every single
/// request, and counts those that ever say "better" or "worse": by the metric at most 5 %, by all
/// guardrails together at most 5 %. Seeds are fixed.
///
/// Users have tastes of their own and come back, some requests fail, a tenth of the requests are
/// nobody's, first tokens have a long tail and are three times slower in every other hundred.
/// [ManyNullExperimentsTest] does the same 2,000 times.
class NullExperimentsTest {
  private static final int REQUESTS = 800;

  /// How many experiments a test simulates.
  int experiments() {
    return 40;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'name': 'x', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'min_sample': 50}",
        "{'name': 'x', 'arms': [{'adapter': 'a', 'weight': 8}, {'adapter': 'b', 'weight': 2}],"
            + " 'min_sample': 50, 'metric': 'length', 'guardrails': [{'metric': 'error_rate',"
            + " 'tolerance': 0}, {'metric': 'first_token', 'tolerance': 0}]}",
        "{'name': 'x', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}, {'adapter': 'c'}, {'adapter':"
            + " 'd'}], 'min_sample': 50, 'guardrails': [{'metric': 'length', 'tolerance': 0}]}",
        "{'name': 'x', 'mode': 'canary', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}],"
            + " 'min_sample': 50, 'ramp': [10, 30, 60], 'stage_units': 15, 'guardrails':"
            + " [{'metric': 'error_rate', 'tolerance': 0}, {'metric': 'first_token', 'tolerance':"
            + " 0}]}",
        "{'name': 'x', 'mode': 'shadow', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}],"
            + " 'guardrails': [{'metric': 'error_rate', 'tolerance': 0}]}",
        "{'name': 'x', 'mode': 'shadow', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}],"
            + " 'min_sample': 50, 'metric': 'length'}"
      })
  void fewExperimentsSaySomethingWhereNothingIs(String json) {
    SplittableRandom seeds = new SplittableRandom(json.hashCode());
    int byMetric = 0;
    int byGuardrail = 0;
    for (int i = 0; i < experiments(); i++) {
      ExperimentEvent.Decided decided = simulated(Some.definition(json), seeds.split());
      if (decided != null && decided.reason().startsWith("guardrail")) {
        byGuardrail++;
      } else if (decided != null) {
        byMetric++;
      }
    }
    System.out.printf(
        Locale.ROOT,
        "%s: %.4f by the metric, %.4f by guardrails: %s%n",
        getClass().getSimpleName(),
        byMetric / (double) experiments(),
        byGuardrail / (double) experiments(),
        json);
    assertThat(byMetric).isLessThanOrEqualTo(experiments() / 20);
    assertThat(byGuardrail).isLessThanOrEqualTo(experiments() / 20);
  }

  /// What an experiment decides first, where it decides anything.
  private static ExperimentEvent.@Nullable Decided simulated(
      Definition definition, SplittableRandom random) {
    ExperimentTotals tally = new ExperimentTotals(definition);
    int users = 500;
    double[] tastes = random.doubles(users).toArray();
    String salt = Long.toHexString(random.nextLong());
    for (int i = 0; i < REQUESTS; i++) {
      String request = "r" + i;
      int user = random.nextInt(10) == 0 ? -1 : random.nextInt(users);
      long key = user < 0 ? random.nextLong() : Assignment.key(salt, "x", "user" + user);
      double taste = user < 0 ? random.nextDouble() : tastes[user];
      int stage = tally.stages().size() - 1;
      int arm = Assignment.arm(definition, stage, Assignment.bucket(key));
      String unit = user < 0 ? null : HexFormat.of().toHexDigits(key);
      tally.apply(new ExperimentEvent.Assigned(request, arm, unit, stage, false, 0));
      tally.apply(new ExperimentEvent.Ended(request, arm, facts(random, taste, i)));
      if (definition.mode() == Mode.SHADOW) {
        tally.apply(new ExperimentEvent.Ended(request, 1, facts(random, taste, i)));
        int preferred = random.nextInt(3) == 0 ? -1 : random.nextInt(2);
        tally.apply(new ExperimentEvent.FeedbackEvent(request, 0, null, preferred, null, null, 0));
      } else if (random.nextInt(3) > 0) {
        double score = random.nextDouble() < taste ? 1 : 0;
        tally.apply(new ExperimentEvent.FeedbackEvent(request, arm, score, null, null, null, 0));
      }
      for (ExperimentEvent event : StoppingRule.after(tally, null, 0)) {
        if (event instanceof ExperimentEvent.Decided decided) {
          return decided;
        }
        tally.apply(event);
      }
    }
    return null;
  }

  private static AnswerFacts facts(SplittableRandom random, double taste, int i) {
    if (random.nextDouble() < 0.03) {
      return Some.failed();
    }
    double load = i / 100 % 2 == 0 ? 1 : 3;
    double first = 0.05 * load * Math.exp(gaussian(random));
    int tokens = 1 + (int) (20 * (0.5 + taste) * Math.exp(0.5 * gaussian(random)));
    return new AnswerFacts(
        null, AnswerFacts.Outcome.DONE, false, 10, tokens, first, 2 * first, false, null);
  }

  private static double gaussian(SplittableRandom random) {
    return Math.sqrt(-2 * Math.log(1 - random.nextDouble()))
        * Math.cos(2 * Math.PI * random.nextDouble());
  }

  /// A test that can fail: with arms that differ as much as this, nearly all say so.
  @Test
  void experimentsSaySomethingWhereSomethingIs() {
    int said = 0;
    List<String> reasons = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      ExperimentTotals tally = new ExperimentTotals(Some.definition(Some.ab("'min_sample': 50")));
      SplittableRandom random = new SplittableRandom(i);
      for (int n = 0; n < 1000; n++) {
        int arm = random.nextInt(2);
        tally.apply(
            new ExperimentEvent.Assigned(
                "r" + n, arm, HexFormat.of().toHexDigits(random.nextLong()), 0, false, 0));
        tally.apply(new ExperimentEvent.Ended("r" + n, arm, facts(random, 0.5, n)));
        double score = random.nextDouble() < (arm == 0 ? 0.4 : 0.6) ? 1 : 0;
        tally.apply(new ExperimentEvent.FeedbackEvent("r" + n, arm, score, null, null, null, 0));
      }
      for (ExperimentEvent event : StoppingRule.after(tally, null, 0)) {
        boolean better =
            event instanceof ExperimentEvent.Decided decided
                && decided.state() == ExperimentVerdict.State.BETTER
                && Integer.valueOf(1).equals(decided.arm());
        said += better ? 1 : 0;
        reasons.add(event.toString());
      }
    }
    assertThat(said).as(reasons.toString()).isGreaterThanOrEqualTo(9);
  }
}
