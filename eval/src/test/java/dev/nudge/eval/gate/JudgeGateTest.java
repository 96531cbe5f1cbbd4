package dev.nudge.eval.gate;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.eval.Interval;
import dev.nudge.eval.Paired;
import dev.nudge.eval.judge.Contest;
import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.judge.Judged;
import dev.nudge.eval.judge.Ruling;
import dev.nudge.eval.judge.WinRate;
import dev.nudge.eval.run.Outcome;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Judge win rates by policies.
class JudgeGateTest {
  private static final String HALF = "judge: {task: legal, at_least: 0.5}";

  @TempDir Path folder;

  private Outcome outcome = new Outcome(List.of(), Map.of(), 0, 0, 0);

  @BeforeEach
  void evaluate() throws Exception {
    outcome = new MadeOutcomes(folder).choices("legal", 4, i -> true, i -> true, "is it").outcome();
  }

  /// Rulings, each so many times; `perCluster` neighbours hang together where it is above 1.
  private static List<Judged> pairs(int perCluster, Map<Ruling, Integer> counts) {
    List<Judged> all = new ArrayList<>();
    for (Ruling ruling : Ruling.values()) {
      for (int i = 0; i < counts.getOrDefault(ruling, 0); i++) {
        String cluster = perCluster == 1 ? null : String.valueOf(all.size() / perCluster);
        Contest contest = new Contest("" + all.size(), "q", "one", "two", null, cluster);
        all.add(new Judged(contest, null, null, ruling));
      }
    }
    return all;
  }

  static List<Judged> pairs(int wins, int losses, int ties) {
    return pairs(1, Map.of(Ruling.SECOND, wins, Ruling.FIRST, losses, Ruling.TIE, ties));
  }

  private GateResult judge(String policy, @Nullable JudgeResult judge) {
    Policy read = PolicyFile.parse("policy.yaml", policy);
    Gate.Evidence evidence = new Gate.Evidence(outcome, Map.of(), judge);
    return Gate.judge(
        read, evidence, MadeOutcomes.digests(outcome, read), Instant.parse("2026-01-02T03:04:05Z"));
  }

  static JudgeResult result(String first, String second, List<Judged> judged) {
    JudgeResult.Compared compared =
        new JudgeResult.Compared("legal", first, second, WinRate.of(judged), judged);
    return new JudgeResult(
        "judge", null, "sha256:1", "sha256:2", List.of(compared), List.of(), null);
  }

  private RuleResult judged(String policy, List<Judged> judged) {
    return judge(policy, result("base", "adapter", judged)).rules().getFirst();
  }

  @Test
  void aWinRateWhoseBoundLiesAboveTheLimitPasses() {
    RuleResult rule = judged(HALF, pairs(60, 20, 20));
    assertThat(rule.verdict()).isEqualTo(Verdict.PASS);
    assertThat(rule.value()).isCloseTo(0.7, within(1e-12));
    assertThat(rule.documents()).isEqualTo(100);
    // half of Tango's one-sided bound at 95 % of 60 and 20 of 100
    Interval tango = new Paired(0, 20, 60, 20, 0).interval(0.9);
    assertThat(rule.low()).isCloseTo(0.5 + tango.low() / 2, within(1e-12));
    assertThat(rule.high()).isCloseTo(0.5 + tango.high() / 2, within(1e-12));
    assertThat(rule.sentence())
        .isEqualTo(
            "win rate over base (60 won, 20 lost, 20 tied, 0 not read) is 0.7, one-sided 95 %% bounds %s and %s on 100 documents; a bound of at least 0.5 is asked for, p %s"
                .formatted(
                    HolmTests.number(rule.low()),
                    HolmTests.number(rule.high()),
                    HolmTests.number(rule.p())));
    assertThat(judged("judge: {task: legal, at_least: 0.65}", pairs(60, 20, 20)).verdict())
        .isEqualTo(Verdict.INCONCLUSIVE);
  }

  @Test
  void aWinRateThatIsShownToBeLessFails() {
    assertThat(judged(HALF, pairs(20, 60, 20)).verdict()).isEqualTo(Verdict.FAIL);
    RuleResult open = judged(HALF, pairs(38, 42, 20));
    assertThat(open.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(open.sentence()).contains("more documents a win rate like this would fail");
    assertThat(judged("judge: {task: legal, at_least: 0.9}", pairs(60, 20, 20)).verdict())
        .isEqualTo(Verdict.FAIL);
    assertThat(judged("judge: {task: legal, at_least: 0.3}", pairs(38, 42, 20)).verdict())
        .isEqualTo(Verdict.PASS);
  }

  @Test
  void fewPairsShowNothingEvenWhereAllAreWon() {
    RuleResult few = judged(HALF, pairs(19, 0, 0));
    assertThat(few.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(few.sentence()).contains("no interval is known on 19 documents", "so few documents");
    assertThat(judged(HALF, pairs(20, 0, 0)).verdict()).isEqualTo(Verdict.PASS);
    assertThat(judged(HALF, pairs(0, 19, 0)).verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(judged(HALF, pairs(0, 20, 0)).verdict()).isEqualTo(Verdict.FAIL);
  }

  @Test
  void theSameTextsThroughoutPassNothing() {
    List<Judged> same = pairs(1, Map.of(Ruling.IDENTICAL, 400));
    assertThat(judged(HALF, same).verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(judged("judge: {task: legal, at_least: 0.48}", same).verdict())
        .isEqualTo(Verdict.PASS);
  }

  @Test
  void pIsNotBelowThatOfTheSignTest() {
    // five wins of five that have a winner: 1/32 one-sided; Tango's bound alone says less
    RuleResult five = judged(HALF, pairs(5, 0, 95));
    assertThat(five.p()).isCloseTo(1 / 32.0, within(1e-9));
    assertThat(judged(HALF, pairs(4, 0, 96)).verdict()).isEqualTo(Verdict.INCONCLUSIVE); // 1/16
    assertThat(judged(HALF, pairs(4, 4, 92)).p()).isEqualTo(1);
    assertThat(judged(HALF, pairs(0, 4, 96)).verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(judged(HALF, pairs(0, 5, 95)).verdict()).isEqualTo(Verdict.FAIL);
  }

  @Test
  void clustersAreDrawnWholeAndFewOfThemShowNothing() {
    Map<Ruling, Integer> counts = Map.of(Ruling.SECOND, 75, Ruling.FIRST, 25);
    RuleResult alone = judged(HALF, pairs(1, counts));
    RuleResult fours = judged(HALF, pairs(4, counts));
    assertThat(fours.verdict()).isEqualTo(Verdict.PASS);
    assertThat(fours.sentence()).contains("on 100 documents in 25 clusters");
    assertThat(fours.high() - fours.low()).isGreaterThan(1.5 * (alone.high() - alone.low()));
    RuleResult tens = judged(HALF, pairs(10, counts));
    assertThat(tens.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(tens.low()).isEqualTo(Double.NEGATIVE_INFINITY);
  }

  @Test
  void whereMoreThanATenthCannotBeReadTheRestShowsNothing() {
    Map<Ruling, Integer> tenth = Map.of(Ruling.SECOND, 90, Ruling.UNREAD, 10);
    RuleResult read = judged(HALF, pairs(1, tenth));
    assertThat(read.verdict()).isEqualTo(Verdict.PASS);
    assertThat(read.documents()).isEqualTo(90);
    RuleResult unread = judged(HALF, pairs(1, Map.of(Ruling.SECOND, 89, Ruling.UNREAD, 11)));
    assertThat(unread.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(unread.sentence())
        .isEqualTo(
            "the verdicts on 11 of 100 pairs of legal could not be read; where they are more than"
                + " 10 %, the rest shows nothing");
  }

  @Test
  void whatNobodyJudgedIsInconclusive() {
    List<Judged> won = pairs(100, 0, 0);
    for (JudgeResult judge :
        java.util.Arrays.asList(
            null, result("adapter", "compare", won), result("base", "x", won))) {
      RuleResult rule = judge(HALF, judge).rules().getFirst();
      assertThat(rule.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
      assertThat(rule.sentence())
          .isEqualTo(
              "no judge results for legal; a bound of at least 0.5 of the win rate is asked for");
    }
    assertThat(judge(HALF, result("base", "adapter", List.of())).verdict())
        .isEqualTo(Verdict.INCONCLUSIVE);
    RuleResult none = judged(HALF, pairs(1, Map.of(Ruling.UNREAD, 3)));
    assertThat(none.sentence()).startsWith("the verdicts on 3 of 3 pairs");
  }

  @Test
  void rulesAboutAJudgeAreTestedTogether() {
    // 59 heads or more of 100 tosses: p is 0.0443 alone, above 0.05 for two of them
    JudgeResult judge = result("base", "adapter", pairs(59, 41, 0));
    GateResult one = judge(HALF, judge);
    assertThat(one.verdict()).isEqualTo(Verdict.PASS);
    double alone = one.rules().getFirst().p();
    assertThat(alone).isCloseTo(0.0443, within(5e-5));
    String both = "judge: [{task: legal, at_least: 0.5}, {task: legal, at_least: 0.5}]";
    GateResult two = judge(both, judge);
    assertThat(two.verdict()).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(two.rules()).hasSize(2).allMatch(r -> Math.abs(r.adjusted() - 2 * alone) < 1e-9);
  }

  @Test
  void theRuleAndItsNumbersStandInTheFile() {
    GateResult result = judge(HALF, result("base", "adapter", pairs(60, 20, 20)));
    var rule = requireNonNull(dev.nudge.format.Json.parse(GateFiles.json(result))).at("/rules/0");
    assertThat(rule.path("kind").asString()).isEqualTo("judge");
    assertThat(rule.path("task").asString()).isEqualTo("legal");
    assertThat(rule.path("at_least").asDouble()).isEqualTo(0.5);
    assertThat(rule.path("value").asDouble()).isEqualTo(0.7);
    assertThat(GateFiles.xml(result)).contains("judge legal");
  }
}
