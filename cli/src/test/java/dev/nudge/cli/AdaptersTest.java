package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.cli.console.ExitCode;
import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// `nudge adapters`, on two adapters that were trained, and references where adapters are named.
class AdaptersTest {
  @TempDir static Path trained;
  @TempDir Path folder;
  private Place place;

  @BeforeAll
  static void train() throws IOException {
    Place place = Place.in(trained);
    for (String name : List.of("one", "two")) {
      String rate = name.equals("one") ? "1e-2" : "3e-2";
      Ran ran =
          place.train(
              "--out", "D/" + name, "--steps", "4", "--rank", "2", "--learning-rate", rate, "-q");
      assertThat(ran.code()).as(ran.err()).isZero();
    }
  }

  @BeforeEach
  void copy() throws IOException {
    place =
        Place.in(folder).copy(trained.resolve("one"), "one").copy(trained.resolve("two"), "two");
  }

  private Ran adapters(String... args) {
    List<String> line = new ArrayList<>(List.of("adapters"));
    line.addAll(List.of(args));
    line.addAll(List.of("--registry", "D/registry"));
    return place.run(line.toArray(String[]::new));
  }

  private JsonNode json(String... args) {
    List<String> line = new ArrayList<>(List.of(args));
    line.add("--json");
    Ran ran = adapters(line.toArray(String[]::new));
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out()).hasLineCount(1);
    return Json.parse(ran.out());
  }

  private void push() {
    assertThat(json("push", "support", "D/one", "--alias", "champion").at("/version").asInt())
        .isEqualTo(1);
    assertThat(
            json("push", "support", "D/two", "--why", "faster", "--by", "anna")
                .at("/version")
                .asInt())
        .isEqualTo(2);
  }

  @Test
  void aProtectedAliasMovesOnlyByAGateOrAnOverride() throws IOException {
    push();
    Path policy = folder.resolve("policy.yaml");
    Files.writeString(policy, "floor: {task: t, metric: acc, at_least: 0.5, judged_by: point}\n");
    JsonNode set =
        json("protect", "support@champion", "--policy", policy.toString(), "--why", "it counts");
    assertThat(set.path("protected").asBoolean()).isTrue();
    assertThat(set.path("policy").asString()).startsWith("sha256:");
    assertThat(adapters("protect", "support@canary").out())
        .isEqualTo(
            "support@canary is protected: it goes only to versions that a gate has passed\n");
    assertThat(adapters("list").out()).contains("  champion:1 (protected)  ");
    assertThat(adapters("show", "support").out())
        .contains("  champion (protected)  ")
        .contains(
            "\nsupport@canary is protected: it goes only to versions that a gate has passed\n")
        .contains(
            "\n"
                + "support@champion is protected: it goes only to versions that a gate has passed,"
                + " by the policy sha256:");
    JsonNode shown = json("show", "support");
    assertThat(shown.at("/aliases/champion/protected").asBoolean()).isTrue();
    assertThat(shown.path("protected").toString()).isEqualTo("[\"canary\",\"champion\"]");
    Ran refused = adapters("alias", "support@champion", "2");
    assertThat(refused.code()).isEqualTo(ExitCode.REFUSED);
    assertThat(refused.err())
        .startsWith(
            "nudge: support@champion is protected, and support:2 has no fresh PASS: no gate.json")
        .hasLineCount(1);
    Ran unsaid = adapters("alias", "support@champion", "2", "--override");
    assertThat(unsaid.code()).isEqualTo(ExitCode.WRONG);
    assertThat(unsaid.err())
        .isEqualTo("nudge: an override of a protected alias needs a reason; give --why\n");
    JsonNode moved =
        json("alias", "support@champion", "2", "--override", "--why", "the first leaks");
    assertThat(moved.path("version").asInt()).isEqualTo(2);
    assertThat(adapters("log", "support@champion").out())
        .contains("protect support@champion by the policy sha256:")
        .contains(", overridden: no gate.json of the policy sha256:");
    assertThat(adapters("protect", "support@champion", "--off").err())
        .isEqualTo("nudge: taking the protection of an alias away needs a reason; give --why\n");
    JsonNode off = json("protect", "support@champion", "--off", "--why", "done");
    assertThat(off.path("protected").asBoolean()).isFalse();
    assertThat(adapters("list").out()).contains("  champion:2  ");
    assertThat(json("alias", "support@champion", "1").path("version").asInt()).isEqualTo(1);
  }

  @Test
  void eachVerbKeepsAnAliasWithItsBaseUnlessItIsForced() throws IOException {
    Path identity = folder.resolve("two/nudge.json");
    String digest = Json.read(identity).at("/base/0").asString();
    String other = "sha256:" + "e".repeat(64);
    Files.writeString(identity, Files.readString(identity).replace(digest, other));
    json("push", "support", "D/one", "--alias", "champion");
    Ran pushed = adapters("push", "support", "D/two", "--alias", "champion");
    assertThat(pushed.code()).isEqualTo(ExitCode.WRONG);
    assertThat(pushed.err())
        .startsWith("nudge: the new version's base is sha256:eeeeeeeeeeee, that of support:1 is ")
        .endsWith("so support@champion stays at version 1; give --any-base to move it\n")
        .hasLineCount(1);
    assertThat(json("show", "support").path("versions").size()).isEqualTo(1);
    assertThat(adapters("push", "support", "D/two").err())
        .contains("warning: support:2 was trained on ")
        .contains("; version 1 (champion) was on another base (");
    String apart = "nudge: support:2 was trained on ";
    Ran moved = adapters("alias", "support@champion", "2");
    assertThat(moved.code()).isEqualTo(ExitCode.WRONG);
    assertThat(moved.err()).startsWith(apart).hasLineCount(1);
    assertThat(json("alias", "support@champion", "2", "--any-base").path("version").asInt())
        .isEqualTo(2);
    assertThat(adapters("log", "support@champion").out())
        .contains(", overridden: support:2 was trained on ");
    Ran guarded = adapters("protect", "support@champion");
    assertThat(guarded.code()).isEqualTo(ExitCode.WRONG);
    assertThat(guarded.err()).startsWith(apart).contains("--any-base").hasLineCount(1);
    Ran back = adapters("rollback", "support@champion");
    assertThat(back.code()).isEqualTo(ExitCode.WRONG);
    assertThat(back.err()).startsWith("nudge: support:1 was trained on ").hasLineCount(1);
    assertThat(json("rollback", "support@champion", "--any-base").path("version").asInt())
        .isEqualTo(1);
    assertThat(
            json("push", "support", "D/two", "--alias", "champion", "--any-base").path("version"))
        .hasToString("2");
    String name = json("show", "support:1").path("base_name").asString();
    assertThat(adapters("list").out())
        .contains(
            "1: %s %s; 2: %s sha256:eeeeeeeeeeee".formatted(name, digest.substring(0, 19), name));
  }

  @Test
  void aVersionGoesFromPushToChampionAndBack() {
    push();
    JsonNode listed = json("list").at("/adapters/0");
    assertThat(listed.path("name").asString()).isEqualTo("support");
    assertThat(listed.at("/aliases/champion/version").asInt()).isEqualTo(1);
    assertThat(listed.path("versions").size()).isEqualTo(2);
    assertThat(listed.at("/versions/1/why").asString()).isEqualTo("faster");
    JsonNode moved =
        json("alias", "support@champion", "2", "--expect", "1", "--why", "wins", "--by", "bot");
    assertThat(moved.path("version").asInt()).isEqualTo(2);
    assertThat(moved.path("to").asString())
        .isEqualTo(json("show", "support:2").path("digest").asString());
    assertThat(adapters("list").out()).contains("  champion:2  deployed  ");
    assertThat(json("rollback", "support@champion").path("version").asInt()).isEqualTo(1);
    assertThat(adapters("list").out()).contains("  champion:1  latest: retired  ");
    JsonNode log = json("log", "support@champion").path("events");
    assertThat(log.size()).isEqualTo(3);
    assertThat(log.at("/1/by").asString()).isEqualTo("bot");
    assertThat(log.at("/1/why").asString()).isEqualTo("wins");
    assertThat(log.at("/2/event").asString()).isEqualTo("rollback");
    assertThat(log.at("/2/to").asString()).isEqualTo(log.at("/1/from").asString());
    Ran late = adapters("alias", "support@champion", "2", "--expect", "2");
    assertThat(late.code()).isEqualTo(ExitCode.WRONG);
    assertThat(late.err())
        .isEqualTo(
            "nudge: support@champion is at version 1, not at version 2 as expected; it stays"
                + " there\n");
  }

  @Test
  void onlyWhatAnAliasIsAtIsDeployed() {
    push();
    Ran said = adapters("state", "support:2", "deployed");
    assertThat(said.code()).isEqualTo(ExitCode.WRONG);
    assertThat(said.err())
        .isEqualTo(
            "nudge: support:2 has no alias, and only a version with an alias can be deployed; move"
                + " one there, as in nudge adapters alias support@champion 2\n");
    assertThat(json("show", "support:2").path("state").asString()).isEqualTo("registered");
  }

  @Test
  void showTellsTheLineage() {
    push();
    JsonNode shown = json("show", "support@champion");
    JsonNode run = Json.read(folder.resolve("one/run.json"));
    assertThat(shown.at("/lineage/run/id")).isEqualTo(run.get("id"));
    assertThat(shown.at("/lineage/settings/learning_rate").asDouble()).isEqualTo(1e-2);
    assertThat(shown.at("/lineage/data/data")).isEqualTo(run.at("/digests/data"));
    assertThat(shown.path("base"))
        .isEqualTo(Json.read(folder.resolve("one/nudge.json")).at("/base/0"));
    assertThat(shown.path("base_name").asString()).isEqualTo("model"); // the folder's
    String base = "  model " + shown.path("base").asString().substring(0, 19) + "  ";
    assertThat(adapters("show", "support").out()).contains(base);
    assertThat(adapters("list").out()).contains(base);
    assertThat(shown.path("lineage").toString()).doesNotContain(trained.toString());
    assertThat(adapters("show", "support:1").out())
        .contains("version    support:1, deployed\n", "aliases    support@champion\n")
        .contains("\ntrained    steps 4, ", "\nsettings   objective sft, method lora, rank 2, ")
        .contains("\ngate       none: no gate.json is kept with it\n")
        .doesNotContain("{");
    assertThat(adapters("show", "support").out().lines().toList())
        .hasSize(3)
        .last()
        .asString()
        .startsWith("support:2  registered  -")
        .endsWith("anna  faster");
    assertThat(adapters("list").out().lines().skip(1).findFirst().orElse(""))
        .startsWith("support  2       champion:1  latest: registered  2");
  }

  /// Keeps a verdict with a version.
  private void judge(int version, String verdict, double after) throws IOException {
    Files.writeString(
        folder.resolve("gate.json"),
        """
        {"nudge_gate": 1, "verdict": "%s", "at": "2026-01-0%dT00:00:00Z", "policy": "p.yaml",
         "digests": {}, "rules": [{"kind": "improve", "task": "teams", "metric": "acc",
         "verdict": "%s", "sentence": "teams acc went up", "value": 0.1, "before": 0.5,
         "after": %s}, {"kind": "leakage", "verdict": "pass", "sentence": "none"}]}
        """
            .formatted(verdict, version, verdict, after));
    json("state", "support:" + version, "validated", "--report", "D/gate.json");
  }

  @Test
  void showAndLogTellAPersonTheVerdictAndTheAccuracyFromVersionToVersion() throws IOException {
    push();
    judge(1, "fail", 0.525);
    judge(2, "pass", 0.75);
    json("alias", "support@champion", "2");
    assertThat(adapters("show", "support").out().lines().toList())
        .satisfiesExactly(
            head -> assertThat(head).contains("  GATE  "),
            one -> assertThat(one).contains("  FAIL, teams acc 0.5 -> 0.525  "),
            two -> assertThat(two).contains("  PASS, teams acc 0.5 -> 0.75   "));
    assertThat(adapters("show", "support:2").out())
        .contains(
            "\ngate       PASS, teams acc 0.5 -> 0.75, at 2026-01-02T00:00:00Z by p.yaml\n"
                + "           improve pass: teams acc went up\n"
                + "           leakage pass: none\n"
                + "           support:1: FAIL, teams acc 0.5 -> 0.525\n");
    assertThat(json("show", "support:2").at("/gate/metrics/0").toString())
        .isEqualTo("{\"task\":\"teams\",\"metric\":\"acc\",\"before\":0.5,\"after\":0.75}");
    assertThat(json("show", "support").at("/versions/0/gate/verdict").asString()).isEqualTo("fail");
    List<String> log = adapters("log", "support").out().lines().toList();
    assertThat(log)
        .anyMatch(line -> line.endsWith("report support:2 gate.json PASS, teams acc 0.5 -> 0.75"))
        .anyMatch(line -> line.endsWith("alias support@champion from version 1 to version 2"));
    assertThat(json("log", "support").path("events").valueStream())
        .filteredOn(event -> event.path("event").asString().equals("report"))
        .extracting(event -> event.at("/gate/metrics/0/after").asDouble())
        .containsExactly(0.525, 0.75);
  }

  @Test
  void aVerdictOnAnotherAdapterIsWarnedOfAndShownAsNone() throws IOException {
    push();
    Files.writeString(
        folder.resolve("gate.json"),
        "{\"nudge_gate\": 1, \"verdict\": \"pass\", \"digests\": {\"adapter\":"
            + " {\"adapter_model.safetensors\": \"sha256:0\"}}, \"rules\": []}");
    Ran ran = adapters("state", "support:2", "validated", "--report", "D/gate.json");
    assertThat(ran.code()).isZero();
    assertThat(ran.err())
        .isEqualTo(
            "nudge: warning: --report D/gate.json judged another adapter_model.safetensors than"
                + " that of support:2; it is kept, and is no verdict on support:2: run nudge eval"
                + " with this adapter\n");
    assertThat(adapters("show", "support:2").out())
        .contains("\ngate       none: its gate.json judged another adapter\n");
    assertThat(adapters("protect", "support@champion").err())
        .startsWith(
            "nudge: warning: support@champion stays at its version, which has not passed: ");
  }

  @Test
  void aLinkedBaseHasItsRealName() throws IOException {
    Files.createSymbolicLink(folder.resolve("MODEL"), folder.resolve("model"));
    Ran ran =
        place.train("--model", "D/MODEL", "--out", "D/linked", "--steps", "1", "--rank", "2", "-q");
    assertThat(ran.code()).as(ran.err()).isZero();
    json("push", "linked", "D/linked");
    assertThat(json("show", "linked:1").path("base_name").asString()).isEqualTo("model");
  }

  @Test
  void aReferenceStandsWhereverAnAdapterIsNamed() throws IOException {
    push();
    String[] common = {"--registry", "D/registry", "--prompt", "the pump", "--max-tokens", "4"};
    String of = generated("D/two", common);
    assertThat(generated("support:2", common)).isEqualTo(of);
    assertThat(generated("registry:support:2", common)).isEqualTo(of);
    String digest = json("show", "support:2").path("digest").asString();
    assertThat(generated("support@" + digest, common)).isEqualTo(of);
    Ran one = place.answer("score", "--adapter", "D/one", "--json");
    Ran champion =
        place.answer(
            "score", "--adapter", "support@champion", "--registry", "D/registry", "--json");
    assertThat(champion.code()).as(champion.err()).isZero();
    assertThat(champion.out()).isEqualTo(one.out());
    Ran merged =
        place.merge(
            "--adapter", "support@champion", "--registry", "D/registry", "--out", "D/merged");
    assertThat(merged.code()).as(merged.err()).isZero();
    Ran train =
        place.train(
            "--init-adapter support:2 --registry D/registry --steps 1 --out D/three".split(" "));
    assertThat(train.code()).as(train.err()).isZero();
    JsonNode three = json("push", "support", "D/three");
    assertThat(three.path("version").asInt()).isEqualTo(3);
    assertThat(json("show", "support:3").at("/lineage/parent_version").asString())
        .isEqualTo(digest);
    Ran judged =
        place.train(
            ("--objective grpo --reward adapter:support:2=0.5 --registry D/registry "
                    + "--out D/four")
                .split(" "));
    assertThat(judged.err()).contains("/adapters/").contains(": it has no score head;");
    place.copy(trained.resolve("one"), "support:2");
    Path here = folder.resolve("support:2"); // a path that exists wins
    assertThat(generated(here.toString(), common)).isEqualTo(generated("D/one", common));
  }

  private String generated(String adapter, String... common) {
    List<String> flags = new ArrayList<>(List.of(common));
    flags.addAll(List.of("--adapter", adapter));
    Ran ran = place.answer("generate", flags.toArray(String[]::new));
    assertThat(ran.code()).as(ran.err()).isZero();
    return ran.out();
  }

  @Test
  void aBlockedVersionIsRefusedWithItsReason() {
    push();
    Ran blocked = adapters("state", "support:1", "blocked", "--why", "it leaks names");
    assertThat(blocked.out()).isEqualTo("support:1 is blocked\n");
    assertThat(blocked.err()).contains("support@champion is still at it and refuses requests");
    Ran ran = place.answer("score", "--adapter", "support@champion", "--registry", "D/registry");
    assertThat(ran.code()).isEqualTo(ExitCode.WRONG);
    assertThat(ran.err())
        .isEqualTo(
            "nudge: support@champion is support:1, which is blocked (it leaks names); name another"
                + " version, or roll the alias back\n");
  }

  @Test
  void reportsAreKeptWithTheirVersion() throws IOException {
    push();
    place.write("results.json", "{\"accuracy\": 0.9}");
    JsonNode state =
        json("state", "support:2", "validated", "--report", "D/results.json", "--why", "eval");
    assertThat(state.at("/reports/0/name").asString()).isEqualTo("results.json");
    assertThat(state.at("/reports/0/digest").asString()).startsWith("sha256:");
    assertThat(state.path("state").asString()).isEqualTo("validated");
  }

  @Test
  void whatIsExportedIsTheFolderThatWasPushed() throws IOException {
    push();
    assertThat(json("export", "support:1", "--out", "D/plain").path("files").size())
        .isGreaterThan(3);
    for (String name : List.of("adapter_model.safetensors", "adapter_config.json", "nudge.json")) {
      assertThat(folder.resolve("plain").resolve(name))
          .hasSameBinaryContentAs(folder.resolve("one").resolve(name));
    }
    assertThat(folder.resolve("plain/adapter_model.safetensors").toFile().canWrite()).isTrue();
    assertThat(adapters("export", "support:1", "--out", "D/plain").err())
        .contains("exists and is not empty; give another folder, or --overwrite");
    assertThat(adapters("export", "support:1", "--out", "D/plain", "--overwrite").code()).isZero();
  }

  @Test
  void whatIsRemovedIsFreedByGc() {
    push();
    Ran asked = adapters("rm", "support:2");
    assertThat(asked.code()).isEqualTo(ExitCode.WRONG);
    assertThat(asked.err()).contains("adapters rm would remove support:2; add --yes");
    assertThat(adapters("rm", "support", "--yes").err())
        .contains("support:1 stays: support@champion is at it");
    assertThat(json("rm", "support:2", "--yes").at("/removed/0/version").asInt()).isEqualTo(2);
    assertThat(json("gc").path("bytes").asLong()).isGreaterThan(1000);
    assertThat(json("alias", "support@champion", "none").path("to").isNull()).isTrue();
    assertThat(json("rm", "support", "--yes").path("removed").size()).isEqualTo(1);
    json("gc");
    assertThat(json("list").path("adapters").size()).isZero();
    assertThat(adapters("list").err()).contains("is empty; nudge adapters push fills it");
  }

  @Test
  void anEmptyRegistryIsNotMadeByLooking() {
    assertThat(json("list").path("adapters").size()).isZero();
    assertThat(folder.resolve("registry")).doesNotExist();
    assertThat(Files.exists(folder)).isTrue();
  }

  @Test
  void inspectTellsEachLayer() {
    push();
    JsonNode seen = json("inspect", "support:1", "--model", "D/model");
    assertThat(seen.path("rank").asInt()).isEqualTo(2);
    assertThat(seen.path("layers").size()).isEqualTo(14); // seven of two layers
    for (JsonNode layer : seen.path("layers")) {
      assertThat(layer.path("norm").asDouble()).isPositive();
      assertThat(layer.path("relative").asDouble()).isPositive().isLessThan(1);
      assertThat(layer.path("dead").asBoolean()).isFalse();
    }
    assertThat(seen.path("bytes").asLong())
        .isEqualTo(folder.resolve("one/adapter_model.safetensors").toFile().length());
    assertThat(adapters("inspect", "D/one").out().lines().toList())
        .hasSize(16)
        .element(2)
        .asString()
        .startsWith("model.layers.0.mlp.down_proj")
        .contains("  -");
  }

  @Test
  void diffTellsWeightsAndAnswers() {
    push();
    JsonNode apart = json("diff", "support:1", "support:2", "--model", "D/model");
    assertThat(apart.path("difference").asDouble()).isPositive();
    assertThat(apart.path("cosine").asDouble()).isBetween(-1.0, 1.0);
    assertThat(apart.path("layers").size()).isEqualTo(14);
    assertThat(apart.at("/answers/kl").asDouble()).isPositive();
    assertThat(apart.at("/answers/tokens").asInt()).isGreaterThan(100);
    JsonNode same = json("diff", "support:1", "D/one", "--model", "D/model");
    assertThat(same.at("/answers/kl").asDouble()).isCloseTo(0, within(1e-12));
    assertThat(same.path("cosine").asDouble()).isCloseTo(1, within(1e-12));
    assertThat(json("diff", "support:1", "support:2").path("answers").isNull()).isTrue();
    assertThat(adapters("diff", "support:1", "support:2").out().lines().toList())
        .last()
        .asString()
        .startsWith("all ");
  }

  @Test
  void aCombinationIsAnAdapterThatAnswersAsTheSum() throws IOException {
    push();
    JsonNode exact =
        json(
            "combine",
            "support:1",
            "support:2",
            "--weight",
            "0.5",
            "--weight",
            "0.5",
            "--out",
            "D/sum");
    assertThat(exact.path("rank").asInt()).isEqualTo(4);
    assertThat(exact.path("lost").asDouble()).isZero();
    JsonNode less =
        json(
            "combine",
            "support:1",
            "support:2",
            "--weight",
            "0.5",
            "--weight",
            "0.5",
            "--rank",
            "3",
            "--out",
            "D/less");
    assertThat(less.path("rank").asInt()).isEqualTo(3);
    assertThat(less.path("lost").asDouble()).isBetween(1e-6, 0.9);
    JsonNode apart = json("diff", "D/sum", "D/less");
    assertThat(apart.path("difference").asDouble() / apart.path("norm").asDouble())
        .isCloseTo(less.path("lost").asDouble(), within(1e-5));
    // the same as both merged at half their scale
    Ran merged =
        place.merge(
            "--adapter",
            "D/one",
            "--scale",
            "0.5",
            "--adapter",
            "D/two",
            "--scale",
            "0.5",
            "--out",
            "D/merged");
    assertThat(merged.code()).as(merged.err()).isZero();
    Ran one = place.answer("score", "--adapter", "D/sum", "--json");
    Ran other = place.answer("score", "--model", "D/merged", "--json");
    assertThat(one.err()).doesNotContain("warning");
    assertThat(Json.parse(one.out()).path("loss").asDouble())
        .isCloseTo(Json.parse(other.out()).path("loss").asDouble(), within(1e-5));
    assertThat(json("push", "support", "D/sum").path("version").asInt()).isEqualTo(3);
  }

  @Test
  void versionsGoToAnotherRegistryAndKeepTheirDigest() {
    push();
    String digest = json("show", "support:2").path("digest").asString();
    for (String target : List.of("D/layout", "D/support.tar")) {
      JsonNode given = json("publish", "support:2", target);
      assertThat(given.path("digest").asString()).isEqualTo(digest);
      assertThat(given.path("tag").asString()).isEqualTo("2");
      Ran ran =
          place.run("adapters", "pull", "copy", target, "--registry", "D/elsewhere", "--json");
      assertThat(ran.code()).as(ran.err()).isZero();
      assertThat(Json.parse(ran.out()).path("digest").asString()).isEqualTo(digest);
      assertThat(Json.parse(ran.out()).path("fresh").asBoolean())
          .isEqualTo(target.equals("D/layout"));
    }
  }

  @Test
  void anUnknownVerbOfTheGroupNamesItsVerbs() {
    assertThat(Ran.of("adapters", "frobnicate").err())
        .startsWith("nudge: unknown verb adapters frobnicate; the verbs are push, list, show, ");
    assertThat(Ran.of("adapters", "pusj").err())
        .isEqualTo("nudge: unknown verb adapters pusj; did you mean push?\n");
  }
}
