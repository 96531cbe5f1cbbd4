package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.registry.VersionState;
import dev.nudge.server.Place.Reply;
import dev.nudge.server.experiments.Arm;
import dev.nudge.server.trials.ArmAdapters;
import dev.nudge.server.trials.Trials;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// An experiment from its beginning to its end, over HTTP, on a model that answers.
@Timeout(1800)
class ExperimentServerTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String SHORT = "\"max_tokens\": 8";
  private static final String EXPERIMENTS = "/v1/experiments";

  @TempDir Path folder;
  private Registry registry;
  private Version first;
  private Version second;
  private Place place;

  @BeforeEach
  void open() {
    registry = Registry.open(folder.resolve("registry"));
    first = registry.push("legal", Place.ONE, Note.of("first")).version();
    second = registry.push("legal", Place.OTHER, Note.of("second")).version();
    registry.alias("legal", "champion", first, Alias.Expected.NONE, Note.of(null));
    registry.alias("legal", "canary", second, Alias.Expected.NONE, Note.of(null));
    place = start();
  }

  private Place start() {
    return Place.open(
        s ->
            s.withRegistry(folder.resolve("registry"))
                .withAllowKeylessAdmin(true)
                .withExperiments(folder.resolve("experiments")),
        Trials::open);
  }

  @AfterEach
  void close() {
    place.close();
  }

  private Reply create(String json) {
    return place.post(EXPERIMENTS, json.replace('\'', '"'));
  }

  private static final String TONE =
      "{'name': 'tone', 'arms': [{'adapter': 'legal@champion'}, {'adapter': 'legal@canary'}],"
          + " 'salt': 's'}";

  private Reply chat(String model, String unit) {
    return place.post(CHAT, Place.chat(model, "hi", SHORT), "X-Experiment-Unit", unit);
  }

  private static String said(Reply reply) {
    return reply.json().at("/choices/0/message/content").asString();
  }

  private JsonNode report(String name) {
    return place.get(EXPERIMENTS + "/" + name).json();
  }

  @Test
  void unitsKeepArmsWhateverAliasesDoAndFeedbackIsCounted() {
    assertThat(create(TONE).status()).isEqualTo(201);
    Map<String, String> texts =
        Map.of("A", said(chat("legal:1", "x")), "B", said(chat("legal:2", "x")));
    assertThat(texts.get("A")).isNotEqualTo(texts.get("B"));
    Map<String, String> arms = new HashMap<>();
    for (int i = 0; i < 24; i++) {
      if (i == 12) {
        registry.alias("legal", "champion", second, Alias.Expected.ANY, Note.of("meanwhile"));
      }
      Reply reply = chat("tone", "user" + i % 8);
      assertThat(reply.status()).as(reply.text()).isEqualTo(200);
      String arm = reply.header("X-Experiment-Arm");
      assertThat(reply.header("X-Experiment")).isEqualTo("tone");
      assertThat(reply.json().path("model").asString()).isEqualTo("tone");
      assertThat(arms.computeIfAbsent("user" + i % 8, _ -> arm)).isEqualTo(arm);
      assertThat(said(reply)).isEqualTo(texts.get(arm));
      assertThat(reply.header("X-Adapter-Digest"))
          .isEqualTo((arm.equals("A") ? first : second).digest());
      String id = i % 2 == 0 ? reply.json().path("id").asString() : reply.header("X-Request-Id");
      Reply feedback =
          place.post(
              "/v1/feedback",
              "{\"%s\": \"%s\", \"thumbs\": \"up\"}"
                  .formatted(i % 2 == 0 ? "response_id" : "request_id", id));
      assertThat(feedback.status()).as(feedback.text()).isEqualTo(200);
      assertThat(feedback.json().path("arm").asString()).isEqualTo(arm);
    }
    assertThat(arms.values()).contains("A", "B");
    JsonNode report = report("tone");
    assertThat(report.path("requests").asInt()).isEqualTo(24);
    assertThat(report.path("units").asInt()).isEqualTo(8);
    for (JsonNode arm : report.path("arms")) {
      assertThat(arm.at("/metrics/score/count").asInt()).isEqualTo(arm.path("requests").asInt());
      assertThat(arm.at("/metrics/length/value").asDouble()).isBetween(1.0, 8.0);
      assertThat(arm.at("/first_token_seconds/p50/value").asDouble()).isPositive();
      assertThat(arm.at("/metrics/error_rate/value").asDouble()).isZero();
    }
    place.close();
    place = start();
    assertThat(report("tone").path("arms")).hasToString(report.path("arms").toString());
    arms.forEach(
        (unit, arm) -> assertThat(chat("tone", unit).header("X-Experiment-Arm")).isEqualTo(arm));
  }

  @Test
  void aResponseTakesPartAndAnEmbeddingIsTheFirstArms() {
    create(TONE);
    for (int i = 0; i < 6; i++) {
      Reply reply =
          place.post(
              "/v1/responses",
              "{\"model\": \"tone\", \"input\": \"hi\", \"max_output_tokens\": 4, \"user\": \"u%d\"}"
                  .formatted(i));
      assertThat(reply.status()).as(reply.text()).isEqualTo(200);
      boolean a = reply.header("X-Experiment-Arm").equals("A");
      assertThat(reply.header("X-Adapter-Digest")).isEqualTo((a ? first : second).digest());
      String liked =
          "{\"response_id\": \"%s\", \"score\": 1}".formatted(reply.json().path("id").asString());
      assertThat(place.post("/v1/feedback", liked).status()).isEqualTo(200);
    }
    Reply embedded = place.post("/v1/embeddings", "{\"model\": \"tone\", \"input\": \"hi\"}");
    assertThat(embedded.status()).as(embedded.text()).isEqualTo(200);
    assertThat(embedded.header("X-Adapter-Digest")).isEqualTo(first.digest());
    assertThat(report("tone").path("requests").asInt()).isEqualTo(6);
    assertThat(report("tone").at("/comparisons/0/note").asString()).contains(" more are needed");
  }

  @Test
  void aUserOfTheBodyIsAUnitAndSoAreStreamsAndCompletions() {
    create(TONE);
    String user = "\"user\": \"ada\", " + SHORT;
    Reply one = place.post(CHAT, Place.chat("tone", "hi", user));
    Reply stream = place.post(CHAT, Place.chat("tone", "ho", user + ", \"stream\": true"));
    Reply plain =
        place.post(
            "/v1/completions",
            "{\"model\": \"tone\", \"prompt\": \"hi\", \"safety_identifier\": \"ada\","
                + " \"max_tokens\": 4}");
    assertThat(stream.header("X-Experiment-Arm")).isEqualTo(one.header("X-Experiment-Arm"));
    assertThat(plain.header("X-Experiment-Arm")).isEqualTo(one.header("X-Experiment-Arm"));
    String id = stream.events().getFirst().path("id").asString();
    assertThat(
            place.post("/v1/feedback", "{\"response_id\": \"" + id + "\", \"score\": 1}").status())
        .isEqualTo(200);
    assertThat(report("tone").path("units").asInt()).isEqualTo(1);
  }

  @Test
  void anExperimentIsAModelAndItsEndIsTheArmThatWon() {
    create(TONE);
    assertThat(place.get("/v1/models").text()).contains("\"tone\"");
    assertThat(place.get("/v1/models/tone").json().path("digest").asString())
        .isEqualTo(first.digest());
    assertThat(place.get(EXPERIMENTS).json().at("/data/0/state").asString()).isEqualTo("running");
    Reply stopped = place.post(EXPERIMENTS + "/tone/stop", "{\"arm\": \"B\", \"reason\": \"won\"}");
    assertThat(stopped.json().at("/stopped/arm").asString()).isEqualTo("B");
    for (int i = 0; i < 4; i++) {
      assertThat(chat("tone", "user" + i).header("X-Adapter-Digest")).isEqualTo(second.digest());
    }
    assertThat(report("tone").path("requests").asInt()).isZero();
  }

  /// An arm that cannot answer is refused when it is named, and a failure if it cannot later.
  @Test
  void anArmThatCannotAnswerIsAFailureOfIt() {
    registry.push(
        "strange",
        Path.of("../core/src/test/resources/golden/peft/f16-stored/adapter"),
        Note.of("of another base"));
    Reply refused =
        create("{'name': 'x', 'arms': [{'adapter': 'base'}, {'adapter': 'strange:1'}]}");
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.error("param")).isEqualTo("arms[1].adapter");
    assertThat(create(TONE).status()).isEqualTo(201);
    registry.alias("legal", "champion", second, Alias.Expected.ANY, Note.of(null));
    registry.alias("legal", "canary", first, Alias.Expected.ANY, Note.of(null));
    registry.state(Reference.parse("legal:2"), VersionState.BLOCKED, Note.of("wrong"));
    int failed = 0;
    for (int i = 0; i < 12; i++) {
      Reply reply = chat("tone", "user" + i); // arm A is the first version, though its alias is not
      boolean arm = "A".equals(reply.header("X-Experiment-Arm"));
      assertThat(reply.status()).as(reply.text()).isEqualTo(arm ? 200 : 403);
      failed += arm ? 0 : 1;
    }
    assertThat(failed).isBetween(1, 11);
    JsonNode report = report("tone");
    assertThat(report.at("/arms/1/cancelled").asInt()).isZero();
    assertThat(report.at("/arms/1/requests").asInt()).isEqualTo(failed);
  }

  /// A folder that is removed later is the arm's failure, and its path is no client's business.
  @Test
  void anArmWhoseFolderIsGoneIsAFailureOfItAndOfNothingElse() throws IOException {
    place.close();
    Path local = Files.createDirectories(folder.resolve("local"));
    try (Stream<Path> files = Files.list(Place.ONE)) {
      for (Path file : files.toList()) {
        Files.copy(file, local.resolve(file.getFileName()));
      }
    }
    place =
        Place.open(
            s ->
                s.withExperiments(folder.resolve("experiments"))
                    .withAllowKeylessAdmin(true)
                    .withAdapter("one=" + Place.ONE, "local=" + local),
            Trials::open);
    create("{'name': 'tone', 'arms': [{'adapter': 'one'}, {'adapter': 'local'}]}");
    Files.move(local, folder.resolve("moved"));
    int failed = 0;
    for (int i = 0; i < 12; i++) {
      Reply reply = chat("tone", "user" + i);
      boolean arm = "A".equals(reply.header("X-Experiment-Arm"));
      assertThat(reply.status()).as(reply.text()).isEqualTo(arm ? 200 : 500);
      assertThat(reply.text()).doesNotContain(folder.toString());
      failed += arm ? 0 : 1;
    }
    assertThat(failed).isBetween(1, 11);
    assertThat(report("tone").at("/arms/1/cancelled").asInt()).isZero();
    assertThat(place.get("/v1/models").status()).isEqualTo(200);
  }

  @Test
  void aShadowThatCannotAnswerIsAFailureOfItsArm() throws InterruptedException {
    create(
        "{'name': 'shade', 'mode': 'shadow', 'arms': [{'adapter': 'base'}, {'adapter':"
            + " 'legal:2'}]}");
    registry.state(Reference.parse("legal:2"), VersionState.BLOCKED, Note.of("wrong"));
    assertThat(chat("shade", "user").status()).isEqualTo(200);
    JsonNode report = report("shade");
    while (report.at("/pairs/count").asInt() == 0) {
      Thread.sleep(50);
      report = report("shade");
    }
    assertThat(report.at("/pairs/count").asInt()).isEqualTo(1);
    assertThat(report.at("/arms/1/metrics/error_rate/value").asDouble()).isEqualTo(1);
    assertThat(report.at("/arms/0/metrics/error_rate/value").asDouble()).isZero();
  }

  @Test
  void mistakesOfAClientAreNoFailuresOfAnArm() {
    create(TONE);
    Reply wrong = place.post(CHAT, Place.chat("tone", "hi", "\"top_p\": 9"));
    assertThat(wrong.status()).isEqualTo(400);
    JsonNode report = report("tone");
    assertThat(report.at("/arms/0/cancelled").asInt() + report.at("/arms/1/cancelled").asInt())
        .isEqualTo(1);
    assertThat(report.at("/arms/0/metrics/error_rate").isMissingNode()).isTrue();
    assertThat(create(TONE).status()).isEqualTo(400);
    assertThat(
            create("{'name': 'one', 'arms': [{'adapter': 'base'}, {'adapter': 'one'}]}")
                .error("message"))
        .isEqualTo("name is 'one'; a model or an adapter has that name, so give another");
    assertThat(
            create("{'name': 'x', 'arms': [{'adapter': 'base'}, {'adapter': 'no'}]}")
                .error("message"))
        .isEqualTo(
            "there is no adapter 'no'; GET /v1/models lists names and aliases, GET /v1/adapters all"
                + " versions");
    assertThat(
            create("{'name': 'x', 'arms': [{'adapter': 'base'}, {'adapter': 'no'}]}")
                .error("param"))
        .isEqualTo("arms[1].adapter");
    Reply nameless = create("{'arms': [{'adapter': 'base'}, {'adapter': 'one'}]}");
    assertThat(nameless.error("param")).isEqualTo("name");
    assertThat(nameless.error("code")).isEqualTo("missing");
    Reply score = place.post("/v1/feedback", "{\"request_id\": \"r\", \"score\": 7}");
    assertThat(score.error("param")).isEqualTo("score");
    assertThat(score.error("code")).isEqualTo("invalid_value");
    assertThat(place.get(EXPERIMENTS + "/none").error("code")).isEqualTo("not_found");
    Reply unknown = place.post("/v1/feedback", "{\"request_id\": \"r\", \"score\": 1}");
    assertThat(unknown.status()).isEqualTo(404);
    assertThat(unknown.header("X-Should-Retry")).isEqualTo("false");
    assertThat(place.get(EXPERIMENTS + "/none").status()).isEqualTo(404);
    assertThat(place.post(EXPERIMENTS + "/tone", "{}").status()).isEqualTo(404);
  }

  @Test
  void aServerWithoutTheFolderSaysSo() {
    try (Place none = Place.open(s -> s.withAllowKeylessAdmin(true), Trials::open)) {
      assertThat(none.get(EXPERIMENTS).json().path("data")).isEmpty();
      Reply begun = none.post(EXPERIMENTS, "{}");
      assertThat(begun.status()).isEqualTo(400);
      assertThat(begun.error("message"))
          .isEqualTo("this server keeps no experiments; start it with --experiments FOLDER");
      Reply said = none.post("/v1/feedback", "{}");
      assertThat(said.status()).isEqualTo(400);
      assertThat(said.error("message"))
          .isEqualTo(
              "this server takes no feedback; start it with --capture FOLDER or --experiments"
                  + " FOLDER");
    }
  }

  @Test
  void aShadowAnswersTheSamePromptUnseen() throws InterruptedException {
    create(
        "{'name': 'shade', 'mode': 'shadow', 'arms': [{'adapter': 'base'}, {'adapter': 'other'}]}");
    for (int i = 0; i < 4; i++) {
      Reply reply = chat("shade", "user" + i);
      assertThat(reply.header("X-Experiment-Arm")).isEqualTo("A");
      assertThat(reply.header("X-Adapter-Digest")).isEmpty();
    }
    int pairs = 0;
    while (pairs < 4) {
      Thread.sleep(50);
      pairs = report("shade").at("/pairs/count").asInt();
    }
    assertThat(pairs).isEqualTo(4);
    assertThat(report("shade").at("/pairs/equal_answers").asDouble(-1)).isZero();
    Reply said =
        place.post(
            CHAT, Place.chat("shade", "hi", SHORT), "X-Experiment-Unit", "z", "X-Request-Id", "r1");
    assertThat(said.status()).isEqualTo(200);
    place.post("/v1/feedback", "{\"request_id\": \"r1\", \"preferred\": \"B\"}");
    assertThat(report("shade").at("/pairs/wins").asInt()).isEqualTo(1);
  }

  @Test
  void onlyAdminsOfThisMachineChangeExperimentsAndNoOtherSiteSeesThem() {
    place.close();
    place = Place.open(s -> s.withExperiments(folder.resolve("experiments")), Trials::open);
    for (String path : List.of(EXPERIMENTS, EXPERIMENTS + "/tone/stop")) {
      Reply reply = place.post(path, TONE.replace('\'', '"'));
      assertThat(reply.status()).as(path).isEqualTo(403);
      assertThat(reply.error("code")).isEqualTo("no_admin_key");
    }
    assertThat(place.get(EXPERIMENTS).json().path("data")).isEmpty();
    assertThat(place.get(EXPERIMENTS, "Origin", "http://evil.example").status()).isEqualTo(403);
    String evil = CallersTest.raw(place, "GET " + EXPERIMENTS, "Host: evil.example\r\n", "");
    assertThat(evil).startsWith("HTTP/1.1 403").doesNotContain("\"data\"");
  }

  @Test
  void anAliasGoesBackUnlessSomebodyHasMovedItMeanwhile() {
    registry.alias("legal", "champion", second, Alias.Expected.ANY, Note.of("release"));
    NamedPlaces adapters =
        NamedPlaces.of(
            ServeSettings.of(Place.MODEL).withServedModelName("base"),
            new Folders(null),
            new KeptReferences(registry, _ -> {}));
    ArmAdapters arms = new ArmAdapters(adapters, registry, "base");
    Arm bad = new Arm("B", "legal@champion", arms.digest("legal@champion"), 1);
    assertThat(bad.digest()).isEqualTo(second.digest());
    arms.rollBack("tone", bad, "guardrail error_rate");
    assertThat(arms.digest("legal@champion")).isEqualTo(first.digest());
    assertThat(registry.log("legal").toString())
        .contains("experiment tone", "guardrail error_rate");
    assertThatThrownBy(() -> arms.rollBack("tone", bad, "again"))
        .isInstanceOf(InputException.class);
    assertThat(arms.digest("legal@champion")).isEqualTo(first.digest());
    assertThatThrownBy(
            () -> arms.rollBack("tone", new Arm("B", "legal:2", second.digest(), 1), "x"))
        .hasMessage("'legal:2' is no alias of the registry, so there is nothing to roll back");
    assertThat(arms.served("tone", bad).folder()).isEqualTo(second.folder());
  }
}
