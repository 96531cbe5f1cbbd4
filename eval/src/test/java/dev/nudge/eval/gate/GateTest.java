package dev.nudge.eval.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.eval.Paired;
import dev.nudge.eval.leak.Item;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.leak.LeakScan;
import dev.nudge.eval.leak.LeakScans;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.Outcome;
import dev.nudge.eval.run.Pace;
import dev.nudge.eval.task.TaskGroup;
import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Judge made outcomes by policies.
class GateTest {
  private static final Instant AT = Instant.parse("2026-01-02T03:04:05Z");

  @TempDir Path folder;

  private static GateResult judge(String policy, Outcome outcome) {
    return judge(policy, MadeOutcomes.evidence(outcome));
  }

  private static GateResult judge(String policy, Gate.Evidence evidence) {
    Policy read = PolicyFile.parse("policy.yaml", policy);
    return Gate.judge(read, evidence, MadeOutcomes.digests(evidence.outcome(), read), AT);
  }

  /// 200 documents: 100 right before, 130 after; 10 are broken and 40 fixed.
  private Outcome better() throws Exception {
    return new MadeOutcomes(folder)
        .choices("legal", 200, i -> i < 100, i -> i >= 10 && i < 140, "is it")
        .outcome();
  }

  @Test
  void aGainThatIsShownPasses() throws Exception {
    GateResult result = judge("improve: {task: legal, metric: acc, by: 0.05}", better());
    assertThat(result.verdict()).isEqualTo(Verdict.PASS);
    RuleResult rule = result.rules().getFirst();
    assertThat(rule.value()).isCloseTo(0.15, within(1e-12));
    assertThat(rule.documents()).isEqualTo(200);
    // Tango's interval at 95 % of 10 and 40 of 200
    assertThat(rule.low())
        .isCloseTo(new Paired(90, 10, 40, 60, 0).interval(0.95).low(), within(1e-9));
    assertThat(rule.low()).isGreaterThan(0.05);
    assertThat(rule.sentence())
        .isEqualTo(
            "acc went from 0.5 to 0.65, better by 0.15, 95 % interval of the gain 0.0844 to 0.2187 on 200 documents; a gain above 0.05 is asked for, p 0.0032");
  }

  @Test
  void aGainBelowWhatIsAskedForFailsOnlyWhereThatIsShown() throws Exception {
    assertThat(judge("improve: {task: legal, metric: acc, by: 0.1}", better()).verdict())
        .isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(judge("improve: {task: legal, metric: acc, by: 0.3}", better()).verdict())
        .isEqualTo(Verdict.FAIL);
  }

  @Test
  void theIntervalAndTheVerdictSayTheSame() throws Exception {
    Outcome outcome = better();
    for (int i = 0; i < 40; i++) {
      double by = i / 100.0;
      RuleResult rule =
          judge("improve: {task: legal, metric: acc, by: %s}".formatted(by), outcome)
              .rules()
              .getFirst();
      Verdict expected =
          rule.low() > by ? Verdict.PASS : rule.high() < by ? Verdict.FAIL : Verdict.INCONCLUSIVE;
      assertThat(rule.verdict()).as("by %s", by).isEqualTo(expected);
    }
  }

  @Test
  void aGainOfFiveDocumentsIsNoGain() throws Exception {
    // McNemar's exact p of 5 to 0 is 2/32, though the score interval lies above 0
    Outcome outcome =
        new MadeOutcomes(folder).choices("few", 50, i -> i >= 5, i -> true, "is it").outcome();
    RuleResult rule = judge("improve: {task: few, metric: acc}", outcome).rules().getFirst();
    assertThat(rule.low()).isGreaterThan(0);
    assertThat(rule.p()).isCloseTo(0.0625, within(1e-12));
    assertThat(rule.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(rule.detectable()).isBetween(0.05, 0.2);
    assertThat(rule.sentence())
        .contains("neither is shown: with about ")
        .endsWith("pass four times of five");
  }

  /// 160 of 200 right and a floor of 0.75, one-sided 95 %. Wilson's half-width is 1.64485 /
  /// (1 + 2.70554 / 200) · √(0.8 · 0.2 / 200 + 2.70554 / (4 · 200²)) = 0.046385, and a power of
  /// 80 % needs (1.64485 + 0.84162) / 1.64485 of it: 0.070119. The value lies 0.05 above, so
  /// 200 · (0.070119 / 0.05)² = 393.3 documents show it, 193.3 more. Beside another rule the level
  /// is half of that: 1.95996 in the place of 1.64485 gives 0.055202, 0.078905, 298.1 more.
  @Test
  void anOpenRuleSaysHowManyMoreDocumentsDecide() throws Exception {
    Outcome outcome =
        new MadeOutcomes(folder).choices("legal", 200, i -> i < 160, i -> i < 160, "q").outcome();
    String one = "{task: legal, metric: acc, at_least: 0.75, judged_by: bound}";
    String at = "{task: legal, metric: acc, at_least: 0.8, judged_by: bound}";
    assertThat(judge("floor: " + one, outcome).rules().getFirst().sentence())
        .endsWith(
            "; neither is shown: with about 190 more documents a value like this would pass four times of five");
    assertThat(
            judge("floor: " + one.replace("0.75", "0.83"), outcome).rules().getFirst().sentence())
        .endsWith(" a value like this would fail four times of five");
    assertThat(judge("floor: [%s, %s]".formatted(one, at), outcome).rules())
        .extracting(RuleResult::sentence)
        .satisfiesExactly(
            first -> assertThat(first).contains(": with about 300 more documents a value"),
            second -> assertThat(second).endsWith("a million more documents would not decide"));
  }

  @Test
  void nothingThatChangedIsRetainedOnlyOnManyDocuments() throws Exception {
    String policy = "retain: {task: general, metric: acc, margin: 0.02}";
    Outcome few =
        new MadeOutcomes(folder).choices("general", 60, i -> i < 30, i -> i < 30, "q").outcome();
    Outcome many =
        new MadeOutcomes(folder).choices("general", 300, i -> i < 99, i -> i < 99, "q").outcome();
    assertThat(judge(policy, few).verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(judge(policy, many).verdict()).isEqualTo(Verdict.PASS);
    // z² / (n + z²) at one-sided 95 %
    assertThat(judge(policy, many).rules().getFirst().low())
        .isCloseTo(-2.705543 / 302.705543, within(1e-6));
  }

  @Test
  void aLossBeyondTheMarginFails() throws Exception {
    Outcome worse =
        new MadeOutcomes(folder).choices("general", 200, i -> i < 140, i -> i < 60, "q").outcome();
    GateResult result = judge("retain: {task: general, metric: acc, margin: 0.05}", worse);
    assertThat(result.verdict()).isEqualTo(Verdict.FAIL);
    assertThat(result.rules().getFirst().sentence())
        .contains("worse by 0.4")
        .contains("a loss below 0.05 is allowed; the contrary is shown, p 1.00e-09");
  }

  @Test
  void whatIsBetterWhereItIsLessIsTurnedRound() throws Exception {
    // brier: 0.18 where right and 0.98 where wrong before, 0.02 and 1.62 after
    Outcome outcome =
        new MadeOutcomes(folder).choices("legal", 200, i -> i < 190, i -> i < 198, "q").outcome();
    RuleResult rule =
        judge("improve: {task: legal, metric: brier_score, by: 0.05}", outcome).rules().getFirst();
    double before = (190 * 0.18 + 10 * 0.98) / 200;
    double after = (198 * 0.02 + 2 * 1.62) / 200;
    assertThat(rule.value()).isCloseTo(before - after, within(1e-9));
    assertThat(rule.verdict()).isEqualTo(Verdict.PASS);
  }

  @Test
  void rulesOfAKindAreJudgedTogether() throws Exception {
    // 13 to 3: two-sided exact p 0.0213, passes alone, not beside another that is open
    MadeOutcomes made =
        new MadeOutcomes(folder)
            .choices("one", 100, i -> i < 50, i -> i >= 3 && i < 63, "q")
            .choices("two", 100, i -> i < 50, i -> i < 51, "q");
    Outcome outcome = made.outcome();
    String one = "improve: [{task: one, metric: acc}]";
    String both = "improve: [{task: one, metric: acc}, {task: two, metric: acc}]";
    assertThat(judge(one, outcome).rules().getFirst().verdict()).isEqualTo(Verdict.PASS);
    RuleResult first = judge(both, outcome).rules().getFirst();
    assertThat(first.verdict()).isEqualTo(Verdict.PASS);
    assertThat(first.adjusted()).isCloseTo(2 * first.p(), within(1e-12));
    String strict =
        "confidence: 0.97\nimprove: [{task: one, metric: acc}, {task: two, metric: acc}]";
    assertThat(judge(strict, outcome).rules().getFirst().verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    // a rule of another kind changes nothing
    RuleResult beside =
        judge(one + "\nretain: {task: two, metric: acc, margin: 0.2}", outcome).rules().getFirst();
    assertThat(beside.adjusted()).isEqualTo(beside.p());
  }

  @Test
  void aRuleThatComesTwiceIsJudgedTwice() throws Exception {
    String rule = "{task: legal, metric: acc, by: 0.05}";
    GateResult result = judge("improve: [%s, %s]".formatted(rule, rule), better());
    assertThat(result.rules()).hasSize(2);
    assertThat(result.rules()).extracting(RuleResult::verdict).containsOnly(Verdict.PASS);
    assertThat(result.rules().getFirst().sentence()).endsWith(" over 2 rules");
  }

  @Test
  void aFilterThatIsNamedHasToBeThere() throws Exception {
    Outcome outcome = better();
    assertThat(judge("improve: {task: legal, metric: acc, filter: none}", outcome).verdict())
        .isEqualTo(Verdict.PASS);
    assertThat(judge("improve: {task: legal, metric: 'acc,none'}", outcome).verdict())
        .isEqualTo(Verdict.PASS);
    assertThatThrownBy(() -> judge("improve: {task: legal, metric: acc, filter: strict}", outcome))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("names the metric acc,strict, which legal does not have");
  }

  /// Where the truth is the limit itself, a rule passes wrongly in at most one of twenty, and two
  /// rules together as well.
  @Test
  void aWrongPassIsAsRareAsThePolicySays() throws Exception {
    // 5 % on one side: 5 of 100; one draw that is always the same, so any change of the law shows
    assertThat(wrongPasses(new java.util.Random(1), 100)).isEqualTo(4);
  }

  @Test
  @Tag("slow")
  void aWrongPassIsAsRareInAnyDraw() throws Exception {
    // 20 of 400, and 40 is more than four standard deviations above; and it is not only careful
    assertThat(wrongPasses(dev.nudge.Seeds.random(), 400)).isBetween(3, 39);
  }

  private int wrongPasses(java.util.Random random, int runs) throws Exception {
    int wrong = 0;
    for (int run = 0; run < runs; run++) {
      boolean[][] right = new boolean[4][120];
      for (int i = 0; i < 120; i++) {
        for (int task = 0; task < 2; task++) {
          double drawn = random.nextDouble();
          right[2 * task][i] = drawn < 0.5;
          right[2 * task + 1][i] = drawn < 0.4 || drawn > 0.85; // 0.1 lost, 0.15 won: 0.05 better
        }
      }
      Outcome outcome =
          new MadeOutcomes(folder.resolve("r" + run))
              .choices("a", 120, i -> right[0][i], i -> right[1][i], "q")
              .choices("b", 120, i -> right[2][i], i -> right[3][i], "q")
              .outcome();
      GateResult result =
          judge(
              "confidence: 0.9\nimprove: [{task: a, metric: acc, by: 0.05}, {task: b, metric: acc, by: 0.05}]",
              outcome);
      boolean any = result.rules().stream().anyMatch(r -> r.verdict() == Verdict.PASS);
      wrong += any ? 1 : 0;
    }
    return wrong;
  }

  @Test
  void aConfidenceJustAboveAHalfIsJudgedToo() throws Exception {
    GateResult result =
        judge(
            """
            confidence: 0.500001
            improve: {task: legal, metric: acc, by: 0.15}
            retain: {task: legal, metric: brier_score, margin: 0.01}
            floor: {task: legal, metric: acc, at_least: 0.65, judged_by: bound}
            ceiling: {task: legal, metric: brier_score, at_most: 0.9, judged_by: bound}
            """,
            better());
    assertThat(result.rules()).hasSize(4);
    assertThat(result.rules()).extracting(RuleResult::sentence).noneMatch(s -> s.contains("NaN"));
  }

  @Test
  void aLimitIsJudgedByItsBoundOrByTheNumberItself() throws Exception {
    Outcome outcome = better(); // 0.65 of 200
    assertThat(floor(outcome, 0.62, "point")).isEqualTo(Verdict.PASS);
    assertThat(floor(outcome, 0.62, "bound")).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(floor(outcome, 0.58, "bound")).isEqualTo(Verdict.PASS);
    assertThat(floor(outcome, 0.66, "point")).isEqualTo(Verdict.FAIL);
    assertThat(floor(outcome, 0.75, "bound")).isEqualTo(Verdict.FAIL);
    assertThat(ceiling(outcome, 0.75, "bound")).isEqualTo(Verdict.PASS);
    assertThat(ceiling(outcome, 0.66, "bound")).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(ceiling(outcome, 0.65, "point")).isEqualTo(Verdict.PASS);
    assertThat(ceiling(outcome, 0.55, "bound")).isEqualTo(Verdict.FAIL);
  }

  /// Three of three by chance at a limit of a half come one time in eight.
  @Test
  void aHandfulOfDocumentsPassesNoLimit() throws Exception {
    Outcome three =
        new MadeOutcomes(folder).choices("legal", 3, i -> true, i -> true, "q").outcome();
    assertThat(floor(three, 0.5, "bound")).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(floor(three, 0.36, "bound")).isEqualTo(Verdict.PASS); // 0.36³ is 0.047
    assertThat(floor(three, 0.37, "bound")).isEqualTo(Verdict.INCONCLUSIVE);
    Outcome none =
        new MadeOutcomes(folder).choices("legal", 3, i -> true, i -> false, "q").outcome();
    assertThat(ceiling(none, 0.64, "bound")).isEqualTo(Verdict.PASS);
    assertThat(ceiling(none, 0.63, "bound")).isEqualTo(Verdict.INCONCLUSIVE);
  }

  private static Verdict floor(Outcome outcome, double limit, String by) {
    return judge(
            "floor: {task: legal, metric: acc, at_least: %s, judged_by: %s}".formatted(limit, by),
            outcome)
        .verdict();
  }

  private static Verdict ceiling(Outcome outcome, double limit, String by) {
    return judge(
            "ceiling: {task: legal, metric: acc, at_most: %s, judged_by: %s}".formatted(limit, by),
            outcome)
        .verdict();
  }

  @Test
  void aNumberThatIsNoneIsInconclusive() throws Exception {
    Outcome outcome =
        new MadeOutcomes(folder)
            .texts(
                "says", 30, MadeOutcomes.mean("rougeL", true), i -> 0.5, i -> Double.NaN, "q", "t")
            .outcome();
    GateResult result =
        judge(
            """
            improve: {task: says, metric: rougeL}
            retain: {task: says, metric: rougeL, margin: 0.1}
            floor: {task: says, metric: rougeL, at_least: 0, judged_by: point}
            ceiling: {task: says, metric: rougeL, at_most: 1, judged_by: bound}
            """,
            outcome);
    assertThat(result.rules()).extracting(RuleResult::verdict).containsOnly(Verdict.INCONCLUSIVE);
    assertThat(result.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(result.rules().getFirst().sentence()).contains("to unknown").contains("no interval");
  }

  @Test
  void scoresOfTextsAreResampledAndFewShowNothing() throws Exception {
    MadeOutcomes many =
        new MadeOutcomes(folder)
            .texts(
                "says",
                100,
                MadeOutcomes.mean("rougeL", true),
                i -> (i % 7) / 10.0,
                i -> (i % 7) / 10.0 + 0.2 + (i % 3) / 20.0,
                "q",
                "t");
    String policy = "improve: {task: says, metric: rougeL, by: 0.1}";
    assertThat(judge(policy, many.outcome()).verdict()).isEqualTo(Verdict.PASS);
    MadeOutcomes few =
        new MadeOutcomes(folder)
            .texts(
                "says",
                19,
                MadeOutcomes.mean("rougeL", true),
                i -> 0,
                i -> 0.5 + i / 99.0,
                "q",
                "t");
    assertThat(judge(policy, few.outcome()).verdict()).isEqualTo(Verdict.INCONCLUSIVE);
  }

  @Test
  void scoresOfTextsThatAreAllAlikeAreAsSureAsTheirNumber() throws Exception {
    MadeOutcomes alike =
        new MadeOutcomes(folder)
            .texts("says", 100, MadeOutcomes.mean("rougeL", true), i -> 0.5, i -> 0.5, "q", "t");
    assertThat(
            judge("retain: {task: says, metric: rougeL, margin: 0.02}", alike.outcome()).verdict())
        .isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(
            judge("retain: {task: says, metric: rougeL, margin: 0.03}", alike.outcome()).verdict())
        .isEqualTo(Verdict.PASS);
  }

  private static Gate.Evidence looked(Outcome outcome, LeakReport report) {
    return new Gate.Evidence(outcome, Map.of("legal", report), null);
  }

  @Test
  void leakageCountsTheKindsThatAreNamed() throws Exception {
    Outcome outcome = better();
    var items =
        IntStream.range(0, 200).mapToObj(i -> new Item("" + i, "question number " + i)).toList();
    var report =
        LeakScans.of(
            List.of("question number 7", "Question number: 8", "question number 9"), items);
    assertThat(report.leaks()).hasSize(3);
    Gate.Evidence evidence = looked(outcome, report);
    assertThat(judge("leakage: {at_most: 0.015}", evidence).verdict()).isEqualTo(Verdict.PASS);
    GateResult fails = judge("leakage: {at_most: 0.014}", evidence);
    assertThat(fails.verdict()).isEqualTo(Verdict.FAIL);
    assertThat(fails.rules().getFirst().sentence())
        .isEqualTo(
            "3 of 200 documents of legal (1.5 %) stand in the training set; at most 1.4 % may");
    assertThat(judge("leakage: {at_most: 0.01, kinds: [exact]}", evidence).verdict())
        .isEqualTo(Verdict.PASS);
    assertThat(judge("leakage: {at_most: 0.5}", outcome).verdict()).isEqualTo(Verdict.INCONCLUSIVE);
  }

  @Test
  void aTrainingSetThatWasMostlyNotReadShowsNothingClean() throws Exception {
    Outcome outcome = better();
    var items =
        IntStream.range(0, 200).mapToObj(i -> new Item("" + i, "question number " + i)).toList();
    LeakScan scan = new LeakScan(items);
    IntStream.range(0, 9).forEach(i -> scan.row(List.of("question number " + i)));
    scan.unread();
    Gate.Evidence tenth = looked(outcome, scan.report());
    assertThat(judge("leakage: {at_most: 0.05}", tenth).verdict()).isEqualTo(Verdict.PASS);
    scan.unread();
    Gate.Evidence more = looked(outcome, scan.report());
    GateResult open = judge("leakage: {at_most: 0.05}", more);
    assertThat(open.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(open.rules().getFirst().sentence())
        .isEqualTo(
            "9 of 200 documents of legal (4.5 %) stand in the training set; at most 5 % may; 2 of"
                + " its 11 rows could not be looked at");
    assertThat(judge("leakage: {at_most: 0.04}", more).verdict()).isEqualTo(Verdict.FAIL);
  }

  @Test
  void latencyIsJudgedWhereTheOutcomeTellsIt() throws Exception {
    Outcome outcome = better(); // 10 requests in 2.5 seconds
    assertThat(judge("latency: {seconds_per_request: 0.25}", outcome).verdict())
        .isEqualTo(Verdict.PASS);
    assertThat(judge("latency: {seconds_per_request: 0.2}", outcome).verdict())
        .isEqualTo(Verdict.FAIL);
    assertThat(judge("latency: {tokens_per_second: 20}", outcome).verdict())
        .isEqualTo(Verdict.PASS);
    assertThat(judge("latency: {tokens_per_second: 20.1}", outcome).verdict())
        .isEqualTo(Verdict.FAIL);
    Outcome kept =
        new Outcome(outcome.models(), outcome.differences(), 0, 20, 2.5, new Pace(4, 1, 0, 0.001));
    GateResult unknown = judge("latency: {tokens_per_second: 5}", kept);
    assertThat(unknown.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(unknown.verdict().exitCode()).isEqualTo(4);
  }

  /// Two tasks in a group, right where the first has more documents.
  private Outcome grouped(boolean bySize, String aggregates) throws Exception {
    Outcome two =
        new MadeOutcomes(folder)
            .choices("large", 300, i -> i < 150, i -> i < 240, "is it")
            .choices("small", 100, i -> i < 60, i -> i < 70, "is it")
            .outcome();
    TaskGroup group =
        new TaskGroup(
            "both",
            "both",
            List.of("large", "small"),
            List.of("large", "small"),
            aggregates.isEmpty()
                ? null
                : List.of(new TaskGroup.Aggregate(aggregates, null, bySize)),
            1);
    List<ModelResults> models = new ArrayList<>();
    for (ModelResults model : two.models()) {
      models.add(
          new ModelResults(
              model.name(),
              model.adapter(),
              model.tasks(),
              Map.of("both", MadeOutcomes.group(group, model.tasks()))));
    }
    return new Outcome(models, two.differences(), 10, 20, 2.5);
  }

  @Test
  void aRuleMayNameAGroupThatHasANumber() throws Exception {
    String policy = "improve: {task: both, metric: acc, by: 0.1}";
    RuleResult bySize = judge(policy, grouped(true, "acc")).rules().getFirst();
    assertThat(bySize.verdict()).isEqualTo(Verdict.PASS);
    assertThat(bySize.value()).isCloseTo(0.25, within(1e-12)); // 210 → 310 of 400
    assertThat(bySize.documents()).isEqualTo(400);
    // fixed alone: variances Σ (n/400)² p (1 − p) / n
    double error = Math.sqrt((300 * 0.3 * 0.7 + 100 * 0.1 * 0.9) / (400.0 * 400));
    assertThat(bySize.high() - bySize.low()).isCloseTo(2 * 1.96 * error, within(0.005));
    RuleResult alike = judge(policy, grouped(false, "acc")).rules().getFirst();
    assertThat(alike.value()).isCloseTo(0.2, within(1e-12)); // 0.3 and 0.1
    String floor = "floor: {task: both, metric: acc, at_least: %s, judged_by: point}";
    assertThat(judge(floor.formatted(0.775), grouped(true, "acc")).verdict())
        .isEqualTo(Verdict.PASS);
    assertThat(judge(floor.formatted(0.776), grouped(true, "acc")).verdict())
        .isEqualTo(Verdict.FAIL);
    String ceiling = "ceiling: {task: both, metric: brier_score, at_most: 2, judged_by: bound}";
    assertThat(judge(ceiling, grouped(true, "brier_score")).verdict()).isEqualTo(Verdict.PASS);
  }

  @Test
  void aGroupWithoutTheNumberIsNamedWithItsTasks() throws Exception {
    String policy = "improve: {task: both, metric: %s}";
    Outcome none = grouped(true, "");
    assertThatThrownBy(() -> judge(policy.formatted("acc"), none))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "policy.yaml: improve names the group both, which has no number of its own (aggregate_metric_list); name one of its tasks: large, small");
    Outcome other = grouped(true, "acc");
    assertThatThrownBy(() -> judge(policy.formatted("brier_score"), other))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "policy.yaml: improve names the metric brier_score, which both does not have; it has acc, acc,none");
    assertThat(judge("leakage: {task: both, at_most: 0.1}", none).rules())
        .extracting(r -> r.rule().name())
        .containsExactly("leakage large", "leakage small");
  }

  @Test
  void oneRuleThatFailsFailsAll() {
    assertThat(Verdict.of(List.of(Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL)))
        .isEqualTo(Verdict.FAIL);
    assertThat(Verdict.of(List.of(Verdict.PASS, Verdict.INCONCLUSIVE)))
        .isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(Verdict.of(List.of(Verdict.PASS))).isEqualTo(Verdict.PASS);
    assertThat(Verdict.values()).extracting(Verdict::exitCode).containsExactly(0, 3, 4);
  }

  @Test
  void aRuleAboutWhatWasNotEvaluatedIsRefused() throws Exception {
    Outcome outcome = better();
    assertThatThrownBy(() -> judge("improve: {task: legl, metric: acc}", outcome))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "policy.yaml: improve names the task legl, which is not evaluated; --tasks has legal; did you mean legal?");
    assertThatThrownBy(() -> judge("improve: {task: legal, metric: acc_norm}", outcome))
        .hasMessage(
            "policy.yaml: improve names the metric acc_norm, which legal does not have; it has acc, acc,none, brier_score, brier_score,none; did you mean acc?");
    assertThatThrownBy(() -> judge("retain: {task: legal, metric: acc, margin: 0.1}", baseAlone()))
        .hasMessage(
            "policy.yaml: improve, retain and judge compare a model with its base; give --adapter, or leave them out");
  }

  private Outcome baseAlone() throws Exception {
    return new MadeOutcomes(folder).choices("legal", 10, i -> true, i -> true, "q").base();
  }

  @Test
  void aBaseAloneMayHaveLimits() throws Exception {
    assertThat(
            judge("floor: {task: legal, metric: acc, at_least: 0.9, judged_by: point}", baseAlone())
                .verdict())
        .isEqualTo(Verdict.PASS);
  }
}
