package dev.nudge.server.experiments;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class ExperimentsTest {
  private static final InstantSource NOON =
      InstantSource.fixed(Instant.parse("2026-11-28T12:00:00Z"));

  @TempDir Path folder;

  private final Some.Server server = new Some.Server();
  private final SplittableRandom random = new SplittableRandom(5);
  private Experiments experiments;
  private int next;

  @BeforeEach
  void open() {
    experiments = Experiments.open(folder, server, NOON);
  }

  @AfterEach
  void close() {
    experiments.close();
  }

  private void create(String json) {
    experiments.create(Json.parse(json.replace('\'', '"')));
  }

  private Routed route(String unit) {
    Unit of = unit.isEmpty() ? Unit.NONE : new Unit(unit);
    return requireNonNull(experiments.route("tone", of, "req-" + next++));
  }

  private String id() {
    return "req-" + (next - 1);
  }

  private JsonNode report() {
    return Json.tree(experiments.show("tone"));
  }

  private JsonNode feedback(String json) {
    return Json.tree(new Feedback(experiments).take(Json.parse(json.replace('\'', '"'))));
  }

  /// A request of a new unit that ends well.
  private Routed answered(double score) {
    Routed routed = route("user" + next);
    routed.ended(routed.arm(), Some.done("cmpl-" + id(), 20));
    if (score >= 0) {
      feedback("{'request_id': '" + id() + "', 'score': " + score + "}");
    }
    return routed;
  }

  private boolean chance(double p) {
    return random.nextDouble() < p;
  }

  private String state() {
    return report().at("/verdict/state").asString();
  }

  @Test
  void aUnitKeepsItsArmAndTheArmItsDigest() {
    create(Some.AB);
    assertThat(experiments.names()).containsExactly("tone");
    assertThat(experiments.route("another", Unit.NONE, "r")).isNull();
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < 40; i++) {
      Routed first = route("user" + i);
      server.generation = "2"; // every alias moves
      assertThat(route("user" + i).arm()).isEqualTo(first.arm());
      assertThat(first.arm().digest()).endsWith("1");
      assertThat(first.await()).isTrue();
      assertThat(first.experiment()).isEqualTo("tone");
      seen.add(first.arm().name());
    }
    assertThat(seen).containsExactlyInAnyOrder("A", "B");
    assertThat(report().get("units").asInt()).isEqualTo(40);
    assertThat(report().get("requests").asInt()).isEqualTo(80);
    assertThat(folder.resolve("tone.jsonl"))
        .content()
        .containsPattern("\"unit\":\"[0-9a-f]{16}\"")
        .doesNotContain("user0");
  }

  @Test
  void nobodysRequestsAreAssignedByChanceAndAreNoUnits() {
    create(Some.AB);
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < 60; i++) {
      Routed routed = route("");
      routed.ended(routed.arm(), Some.done("c" + i, 10));
      seen.add(routed.arm().name());
    }
    assertThat(seen).hasSize(2);
    assertThat(report().get("units").asInt()).isZero();
    assertThat(report().at("/arms/0/metrics/length/value").asDouble()).isEqualTo(10);
    assertThat(report().at("/arms/0/metrics/length/low").isNull()).isTrue();
  }

  @Test
  void nothingIsToldOfThreeUnitsButHowManyMoreAreNeeded() {
    create(Some.ab("'min_sample': 20"));
    for (int i = 0; i < 3; i++) {
      answered(1);
    }
    JsonNode few = report().at("/comparisons/0");
    for (String number :
        new String[] {"difference", "low", "high", "p", "p_adjusted", "chance_higher"}) {
      assertThat(few.path(number).isNull()).as(number).isTrue();
    }
    assertThat(few.path("interval_text").isNull()).isTrue();
    assertThat(report().get("metric_name").asString()).isEqualTo("score, mean");
    assertThat(report().get("more_is_better").asBoolean()).isTrue();
    String need =
        " of 20 units with score in A and in B; %d more are needed before a difference is told"
            .formatted(few.get("missing").asInt());
    assertThat(few.get("note").asString()).endsWith(need);
    assertThat(report().at("/verdict/reason").asString()).endsWith(need);
    assertThat(report().at("/arms/0/first_token_seconds/p95/value").isNull()).isTrue();
    assertThat(report().at("/sample_ratio/degrees").asInt()).isZero();
    while (report().at("/comparisons/0/missing").asInt() > 0) {
      assertThat(next).isLessThan(200);
      answered(1);
    }
    JsonNode enough = report().at("/comparisons/0");
    assertThat(enough.get("note").isNull()).isTrue();
    assertThat(enough.get("difference").asDouble()).isZero();
    assertThat(enough.get("interval_text").asString()).startsWith("-").contains(" to ");
    assertThat(enough.get("chance_higher").isNumber()).isTrue();
  }

  @Test
  void aWinRateIsToldFromTwentyPairs() {
    create(
        "{'name': 'tone', 'mode': 'shadow', 'arms': [{'adapter': 'base'}, {'adapter': 'b',"
            + " 'weight': 100}], 'salt': 's'}");
    for (int i = 0; i < 20; i++) {
      assertThat(report().at("/comparisons/0/missing").asInt()).isEqualTo(20 - i);
      assertThat(report().at("/comparisons/0/low").isNull()).isTrue();
      Routed routed = route("user" + i);
      routed.ended(routed.arm(), shadowed("a" + i, 20, "same"));
      routed.ended(requireNonNull(routed.shadow()), shadowed("b" + i, 26, "other"));
      feedback("{'response_id': 'b" + i + "', 'preferred': '" + (i % 2 == 0 ? "A" : "B") + "'}");
    }
    assertThat(report().at("/comparisons/0/low").asDouble()).isBetween(-0.5, -0.1);
    assertThat(report().at("/comparisons/0/interval_text").asString()).endsWith(" %");
  }

  @Test
  void figuresHaveTheFieldsNamesAndUnitsAndThePercentilesAreThoseOfTheRequests() {
    create(Some.AB);
    for (int i = 0; i < 100; i++) {
      Routed routed = route("user" + i);
      routed.ended(routed.arm(), Some.done(i % 10 == 0 ? 4.5 : 0.45)); // the mean is 0.855
    }
    JsonNode arm = report().at("/arms/0");
    assertThat(arm.get("figures").valueStream().map(f -> f.get("name").asString()))
        .containsExactly(
            "error rate",
            "empty answer rate",
            "output tokens, mean",
            "time per output token, mean",
            "time to first token, p50",
            "time to first token, p95");
    assertThat(arm.at("/figures/0/text").asString()).isEqualTo("0 %");
    assertThat(arm.at("/figures/4/text").asString()).matches("0\\.4[456]\\d* s");
    assertThat(arm.at("/metrics/first_token/value").asDouble()).isGreaterThan(0.6);
  }

  @Test
  void aMeanTimeToTheFirstTokenIsShownWhereItDecides() {
    create(Some.ab("'metric': 'first_token'"));
    Routed routed = route("user");
    routed.ended(routed.arm(), Some.done(0.875));
    JsonNode figures =
        report().at("/arms/" + (routed.arm().name().equals("A") ? 0 : 1) + "/figures");
    assertThat(figures.toString())
        .contains("{\"name\":\"time to first token, mean\",\"text\":\"0.875 s\"}")
        .contains("{\"name\":\"time to first token, p95\",\"text\":\"-\"}"); // of one request
  }

  @Test
  void aBetterArmIsSaidToBeAndTheExperimentRunsOn() {
    create(Some.AB);
    for (int i = 0; i < 3000 && state().equals("collecting"); i++) {
      Routed routed = answered(-1);
      boolean up = chance(routed.arm().name().equals("A") ? 0.4 : 0.65);
      feedback("{'request_id': '" + id() + "', 'thumbs': '" + (up ? "up" : "down") + "'}");
    }
    JsonNode report = report();
    assertThat(state()).isEqualTo("better");
    assertThat(report.at("/verdict/arm").asString()).isEqualTo("B");
    assertThat(report.at("/verdict/reason").asString()).startsWith("score, mean: B less A is ");
    assertThat(report.get("state").asString()).isEqualTo("running");
    JsonNode comparison = report.at("/comparisons/0");
    assertThat(comparison.get("low").asDouble()).isPositive();
    assertThat(comparison.get("chance_higher").asDouble()).isGreaterThan(0.99);
    assertThat(comparison.get("expected_loss").asDouble()).isLessThan(0.001);
    assertThat(report.at("/arms/1/metrics/score/value").asDouble()).isCloseTo(0.65, within(0.1));
    assertThat(server.rolledBack).isEmpty();
    experiments.stop("tone", "B", "it won");
    assertThat(route("user1").arm().name()).isEqualTo("B");
    assertThat(route("user1").counts()).isFalse();
  }

  @Test
  void aWorseArmEndsTheExperimentAndTheAliasGoesBack() {
    create(Some.AB);
    while (state().equals("collecting") && next < 3000) {
      Routed routed = answered(-1);
      boolean up = chance(routed.arm().name().equals("B") ? 0.3 : 0.6);
      feedback("{'request_id': '" + id() + "', 'score': " + (up ? 1 : 0) + "}");
    }
    JsonNode report = report();
    assertThat(state()).isEqualTo("worse");
    assertThat(report.get("state").asString()).isEqualTo("stopped");
    assertThat(report.at("/stopped/arm").asString()).isEqualTo("A");
    assertThat(report.at("/stopped/rolled_back").asString()).isEqualTo("support@canary");
    assertThat(server.rolledBack)
        .singleElement()
        .asString()
        .startsWith("tone: support@canary: score, mean: B less A is -");
    for (int i = 0; i < 20; i++) {
      Routed routed = route("user" + i);
      assertThat(routed.arm().name()).isEqualTo("A");
      routed.ended(routed.arm(), Some.failed());
    }
    assertThat(report().get("requests")).isEqualTo(report.get("requests"));
  }

  @Test
  void errorsOfAnArmEndTheExperimentAfterFewOfThem() {
    create(Some.AB);
    int requests = 0;
    while (server.rolledBack.isEmpty() && requests++ < 2000) {
      Routed routed = route("user" + next);
      boolean fails = routed.arm().name().equals("B") ? chance(0.2) : chance(0.01);
      routed.ended(routed.arm(), fails ? Some.failed() : Some.done("c" + next, 20));
    }
    assertThat(requests).isLessThan(400);
    assertThat(state()).isEqualTo("worse");
    assertThat(report().at("/verdict/reason").asString())
        .startsWith("guardrail error_rate: B is more than 1.25 times as bad as A, p = ");
    assertThat(server.rolledBack).hasSize(1);
  }

  @Test
  void slowFirstTokensOfAnArmEndTheExperimentAndALoadThatIsSlowDoesNot() {
    create(Some.AB);
    for (int i = 0; i < 600; i++) {
      Routed routed = route("user" + next);
      // everything is ten times slower in the second half
      routed.ended(
          routed.arm(), Some.done((0.02 + 0.02 * random.nextDouble()) * (i < 300 ? 1 : 10)));
    }
    assertThat(state()).isEqualTo("collecting");
    int requests = 0;
    while (server.rolledBack.isEmpty() && requests++ < 3000) {
      Routed routed = route("user" + next);
      double slower = routed.arm().name().equals("B") ? 3 : 1;
      routed.ended(routed.arm(), Some.done((0.2 + 0.2 * random.nextDouble()) * slower));
    }
    assertThat(report().at("/verdict/reason").asString()).startsWith("guardrail first_token: B ");
    JsonNode tail = report().at("/arms/1/first_token_seconds/p95");
    assertThat(tail.get("low").asDouble()).isLessThan(tail.get("value").asDouble());
    assertThat(tail.get("value").asDouble()).isGreaterThan(0.35);
  }

  @Test
  void aFailureOfTheRollBackIsKept() {
    Experiments other =
        Experiments.open(
            folder.resolve("other"),
            new Some.Server() {
              @Override
              public void rollBack(String experiment, Arm arm, String reason) {
                throw new InputException("the registry is read-only");
              }
            });
    try (other) {
      other.create(Json.parse(Some.AB.replace('\'', '"')));
      for (int i = 0; i < 400; i++) {
        Routed routed = requireNonNull(other.route("tone", new Unit("u" + i), "r" + i));
        routed.ended(
            routed.arm(), routed.arm().name().equals("B") ? Some.failed() : Some.done("c" + i, 5));
      }
      JsonNode stopped = Json.tree(other.show("tone")).get("stopped");
      assertThat(stopped.get("rollback_error").asString()).isEqualTo("the registry is read-only");
      assertThat(stopped.get("rolled_back").isNull()).isTrue();
    }
  }

  @Test
  void armsThatDoNotDifferAreSaidNotTo() {
    create(Some.ab("'equivalence': 0.12, 'min_sample': 50"));
    for (int i = 0; i < 4000 && state().equals("collecting"); i++) {
      answered(chance(0.5) ? 0.6 : 0.5);
    }
    assertThat(state()).isEqualTo("no difference");
    assertThat(report().at("/verdict/reason").asString()).contains("within ±0.12");
    assertThat(report().at("/verdict/arm").isNull()).isTrue();
    assertThat(report().get("state").asString()).isEqualTo("running");
  }

  @Test
  void whileUnitsAreLostThereIsNoVerdict() {
    create(Some.AB);
    for (int i = 0; i < 400; i++) {
      route("user" + i);
    }
    assertThat(state()).isEqualTo("collecting");
    for (int i = 0; i < 400; i++) {
      String unit = "late" + i;
      long key = Assignment.key("s1", "tone", unit);
      if (Assignment.bucket(key) < 5000) {
        route(unit); // a proxy drops whoever has B
      }
    }
    assertThat(state()).isEqualTo("invalid");
    assertThat(report().at("/verdict/reason").asString())
        .startsWith("units do not fall to arms by their weights (chi-square ");
    assertThat(report().at("/sample_ratio/alarm").asBoolean()).isTrue();
  }

  @Test
  void aCanaryGrowsInStagesAndNobodyGoesBack() {
    create(
        "{'name': 'tone', 'mode': 'canary', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}],"
            + " 'ramp': [5, 50, 100], 'stage_units': 20, 'salt': 's'}");
    Set<String> second = new HashSet<>();
    int[] seen = new int[101];
    for (int i = 0; i < 2000; i++) {
      String unit = "user" + i % 700;
      Routed routed = route(unit);
      if (second.contains(unit)) {
        assertThat(routed.arm().name()).isEqualTo("B");
      }
      if (routed.arm().name().equals("B")) {
        second.add(unit);
      }
      routed.ended(routed.arm(), Some.done("c" + i, 10));
      seen[report().get("percent").asInt()]++;
    }
    assertThat(seen[5]).isPositive();
    assertThat(seen[50]).isPositive();
    assertThat(seen[100]).isPositive();
    assertThat(report().get("percent").asInt()).isEqualTo(100);
    assertThat(second).hasSizeGreaterThan(690);
    assertThat(state()).isEqualTo("collecting"); // no scores
  }

  @Test
  void aCanaryThatFailsStopsInItsFirstStage() {
    create(
        "{'name': 'tone', 'mode': 'canary', 'arms': [{'adapter': 'a'}, {'adapter': 'b@canary'}],"
            + " 'ramp': [10, 50], 'stage_units': 100, 'salt': 's'}");
    for (int i = 0; i < 2000 && server.rolledBack.isEmpty(); i++) {
      Routed routed = route("user" + i);
      boolean fails = routed.arm().name().equals("B") && chance(0.5);
      routed.ended(routed.arm(), fails ? Some.failed() : Some.done("c" + i, 10));
    }
    assertThat(report().get("percent").asInt()).isEqualTo(10);
    assertThat(server.rolledBack)
        .singleElement()
        .asString()
        .startsWith("tone: b@canary: guardrail");
  }

  @Test
  void aShadowAnswersUnseenAndIsPreferredOrNot() {
    create(
        "{'name': 'tone', 'mode': 'shadow', 'arms': [{'adapter': 'base'}, {'adapter': 'b',"
            + " 'weight': 50}], 'salt': 's'}");
    int pairs = 0;
    for (int i = 0; i < 400 && state().equals("collecting"); i++) {
      Routed routed = route("user" + i);
      assertThat(routed.arm().name()).isEqualTo("A");
      assertThat(routed.arm().digest()).isNull();
      routed.ended(routed.arm(), shadowed("a" + i, 20, "same"));
      Arm shadow = routed.shadow();
      if (shadow == null) {
        continue;
      }
      routed.ended(shadow, shadowed("b" + i, 26, i % 4 < 2 ? "same" : "other"));
      pairs++;
      String preferred = chance(0.1) ? "tie" : chance(0.75) ? chance(0.5) ? "B" : "b" + i : "A";
      feedback("{'response_id': 'b" + i + "', 'preferred': '" + preferred + "'}");
    }
    JsonNode report = report();
    assertThat(report.at("/verdict/state").asString()).isEqualTo("better");
    JsonNode counted = report.get("pairs");
    assertThat(counted.get("count").asInt()).isEqualTo(pairs).isBetween(10, 250);
    assertThat(counted.get("share").asDouble()).isGreaterThan(0.6);
    assertThat(counted.get("longer_by").asDouble()).isEqualTo(6);
    assertThat(counted.get("equal_answers").asDouble()).isCloseTo(0.5, within(0.15));
    assertThat(report.at("/comparisons/0/low").asDouble()).isPositive();
    assertThat(report.at("/sample_ratio/p").asDouble()).isEqualTo(1);
  }

  private static AnswerFacts shadowed(String id, int tokens, String answer) {
    return new AnswerFacts(id, AnswerFacts.Outcome.DONE, false, 9, tokens, 0.1, 0.5, false, answer);
  }

  @Test
  void bothAnswersOfAShadowAreScoredByThemselves() {
    create(
        "{'name': 'tone', 'mode': 'shadow', 'arms': [{'adapter': 'base'}, {'adapter': 'b',"
            + " 'weight': 100}], 'salt': 's'}");
    Routed routed = route("user");
    routed.ended(routed.arm(), shadowed("a", 20, "same"));
    Arm shadow = requireNonNull(routed.shadow());
    routed.ended(shadow, shadowed("b", 26, "other"));
    feedback("{'response_id': 'a', 'score': 1}");
    feedback("{'response_id': 'b', 'score': 0.25}");
    feedback("{'response_id': 'b', 'score': 0.5}"); // says it again
    JsonNode arms = report().get("arms");
    assertThat(arms.at("/0/metrics/score/value").asDouble()).isEqualTo(1);
    assertThat(arms.at("/1/metrics/score/value").asDouble()).isEqualTo(0.5);
  }

  @Test
  void aRollBackThatFailsIsTriedAgain() {
    create(Some.AB);
    experiments.close();
    try (Log log = Log.open(folder.resolve("tone.jsonl"), record -> {})) {
      log.append(new ExperimentEvent.Stopped(0, "harm", 1, 0).line());
    }
    server.full = true;
    experiments = Experiments.open(folder, server, NOON);
    assertThat(server.rolledBack).isEmpty();
    experiments.close();
    server.full = false;
    experiments = Experiments.open(folder, server, NOON);
    assertThat(server.rolledBack).hasSize(1);
  }

  @Test
  void whatIsReadAgainSaysTheSame() {
    create(Some.ab("'min_sample': 30"));
    for (int i = 0; i < 150; i++) {
      answered(chance(0.5) ? 1 : 0.25);
      feedback("{'response_id': 'cmpl-" + id() + "', 'label': 'l" + i % 3 + "', 'comment': 'Zoë'}");
    }
    JsonNode before = report();
    assertThat(Json.tree(StoredExperiments.in(folder).show("tone")))
        .isEqualTo(before); // while it runs
    experiments.close();
    experiments = Experiments.open(folder, server, NOON);
    assertThat(report()).isEqualTo(before);
    assertThat(before.at("/arms/0/labels").size()).isEqualTo(3);
    feedback("{'request_id': 'req-3', 'score': 1}"); // still known
  }

  @Test
  void aRollBackThatAKilledProcessOwesIsDoneByTheNext() {
    create(Some.AB);
    experiments.close();
    try (Log log = Log.open(folder.resolve("tone.jsonl"), record -> {})) {
      log.append(new ExperimentEvent.Stopped(0, "harm", 1, 0).line());
    }
    experiments = Experiments.open(folder, server, NOON);
    assertThat(server.rolledBack).containsExactly("tone: support@canary: harm");
    experiments.close();
    experiments = Experiments.open(folder, server, NOON);
    assertThat(server.rolledBack).hasSize(1);
  }

  /// The disk was full between the two lines.
  @Test
  void aVerdictWithoutItsStopStopsWithTheNextRequest() {
    create(Some.AB);
    experiments.close();
    try (Log log = Log.open(folder.resolve("tone.jsonl"), record -> {})) {
      log.append(new ExperimentEvent.Decided(ExperimentVerdict.State.WORSE, 1, "harm", 0).line());
    }
    experiments = Experiments.open(folder, server, NOON);
    answered(-1);
    assertThat(report().get("state").asString()).isEqualTo("stopped");
    assertThat(server.rolledBack).containsExactly("tone: support@canary: harm");
  }

  @Test
  void aLogThatWasNeverBegunIsNoExperiment() throws Exception {
    experiments.close();
    Path file = Files.writeString(folder.resolve("torn.jsonl"), "{\"crc\":\"00");
    assertThat(Json.tree(StoredExperiments.in(folder).list()).get("data")).isEmpty();
    experiments = Experiments.open(folder, server, NOON);
    assertThat(experiments.names()).isEmpty();
    assertThat(file).doesNotExist();
  }

  @Test
  void scoresThatAreGivenAgainReplaceTheFirst() {
    create(Some.AB);
    String arm = answered(1).arm().name().equals("A") ? "/arms/0" : "/arms/1";
    feedback("{'request_id': '" + id() + "', 'thumbs': 'down'}");
    assertThat(report().at(arm + "/metrics/score/value").asDouble()).isZero();
    assertThat(report().at(arm + "/metrics/score/count").asDouble()).isEqualTo(1);
  }

  @Test
  void whatHasStoppedIsNotStoppedAgain() {
    create(Some.AB);
    assertThatThrownBy(() -> experiments.stop("tone", "C", "x"))
        .isInstanceOf(InputException.class)
        .hasMessage("experiment tone has no arm 'C'; it has A, B");
    Admin admin = new Admin(experiments);
    assertThat(Json.tree(admin.stop("tone", null)).at("/stopped/reason").asString())
        .isEqualTo("stopped by hand");
    assertThatThrownBy(() -> admin.stop("tone", Json.parse("{\"reason\": \"again\"}")))
        .hasMessage("experiment tone has stopped already: stopped by hand");
    assertThatThrownBy(() -> admin.show("ton"))
        .isInstanceOf(NoSuchException.class)
        .hasMessage("there is no experiment 'ton'; did you mean tone?");
    assertThat(Json.tree(admin.list()).at("/data/0/state").asString()).isEqualTo("stopped");
    answered(-1);
  }
}
