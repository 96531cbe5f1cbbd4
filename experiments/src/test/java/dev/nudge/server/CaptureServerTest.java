package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.server.Place.Reply;
import dev.nudge.server.access.ApiKeys;
import dev.nudge.server.trials.Trials;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// What a server captures of what it answers over HTTP, and the feedback on it.
@Timeout(1800)
class CaptureServerTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String FEEDBACK = "/v1/feedback";
  private static final String KEY = "a-key-of-a-client-of-this-test";
  private static final String[] OWN = {"Authorization", "Bearer " + KEY};

  @TempDir Path folder;

  private Place open(UnaryOperator<ServeSettings> more) {
    return Place.open(s -> more.apply(s.withCapture(folder.resolve("kept"))), Trials::open);
  }

  /// All lines; the server must have ended.
  private List<JsonNode> lines() throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    try (Stream<Path> all = Files.walk(folder.resolve("kept"))) {
      for (Path file : all.filter(p -> p.toString().endsWith(".jsonl")).sorted().toList()) {
        Files.readAllLines(file).forEach(line -> lines.add(Place.JSON.readTree(line)));
      }
    }
    return lines;
  }

  private static String id(Reply reply) {
    assertThat(reply.status()).as(reply.text()).isEqualTo(200);
    return reply.json().path("id").asString();
  }

  private static Reply say(Place place, String id, String more) {
    return place.post(FEEDBACK, "{\"response_id\": \"%s\", %s}".formatted(id, more));
  }

  @Test
  void theAnswerThatAClientSawIsKeptWithItsPromptAndDigests() throws IOException {
    Reply chat;
    try (Place place = open(s -> s)) {
      chat = place.post(CHAT, Place.chat("one", "hi", "\"max_tokens\": 5"));
      assertThat(say(place, id(chat), "\"thumbs\": \"up\"").json())
          .hasToString(
              "{\"object\":\"feedback\",\"request_id\":\"%s\",\"adapter\":\"one\",\"captured\":true}"
                  .formatted(chat.header("X-Request-Id")));
    }
    JsonNode kept = lines().getFirst();
    assertThat(kept.path("prompt")).hasToString("[{\"role\":\"user\",\"content\":\"hi\"}]");
    assertThat(kept.at("/answers/0")).isEqualTo(chat.json().at("/choices/0/message"));
    assertThat(kept.at("/finish/0").asString()).isEqualTo("length");
    assertThat(kept.path("adapter_digest").asString()).isEqualTo(chat.header("X-Adapter-Digest"));
    assertThat(kept.path("base_digest").asString()).matches("sha256:[0-9a-f]{64}");
    assertThat(kept.path("client").asString()).isEqualTo("anonymous");
    assertThat(lines().getLast().path("score").asDouble()).isEqualTo(1);
  }

  @Test
  void streamsSeveralTurnsToolsChoicesAndOtherRoutesAreKeptToo() throws IOException {
    String turns =
        "{\"model\": \"base\", \"temperature\": 1, \"seed\": 3, \"max_tokens\": 4, \"n\": 2,"
            + " \"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\","
            + " \"content\": \"b\"}, {\"role\": \"user\", \"content\": \"c\"}]}";
    String tools =
        "\"max_tokens\": 4, \"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\","
            + " \"parameters\": {}}}]";
    String text =
        "{\"model\": \"base\", \"prompt\": %s, \"max_tokens\": 3, \"temperature\": 0, \"stream\":"
            + " %s}";
    Reply stream;
    Reply several;
    Reply response;
    Reply plain;
    try (Place place = open(s -> s)) {
      stream = place.post(CHAT, Place.chat("one", "s", "\"max_tokens\": 6, \"stream\": true"));
      several = place.post(CHAT, turns);
      place.post(CHAT, Place.chat("base", "t", tools));
      response =
          place.post(
              "/v1/responses",
              "{\"model\": \"base\", \"instructions\": \"be\", \"input\": \"r\","
                  + " \"max_output_tokens\": 4}");
      plain = place.post("/v1/completions", text.formatted("\"Team:\"", "true"));
      place.post("/v1/completions", text.formatted("[\"a\", \"b\"]", "false")); // a batch
      place.post(CHAT, Place.chat("base", "not me", "\"max_tokens\": 2, \"store\": false"));
      String unseen = "{\"model\": \"base\", \"input\": \"nor me\", \"store\": false}";
      assertThat(place.post("/v1/responses", unseen).json().path("store").asBoolean()).isFalse();
      place.post(CHAT, Place.chat("base", "wrong", "\"top_p\": 9"));
    }
    List<JsonNode> kept = lines(); // by adapter: base before one
    assertThat(kept).hasSize(5);
    StringBuilder streamed = new StringBuilder();
    for (JsonNode event : stream.events()) {
      streamed.append(event.at("/choices/0/delta/content").asString(""));
    }
    assertThat(kept.get(4).at("/answers/0/content").asString()).isEqualTo(streamed.toString());
    assertThat(kept.get(4).path("id").asString())
        .isEqualTo(stream.events().getFirst().path("id").asString());
    assertThat(kept.get(0).path("prompt")).hasSize(3);
    assertThat(kept.get(0).path("answers")).hasSize(2);
    assertThat(kept.get(0).at("/answers/1")).isEqualTo(several.json().at("/choices/1/message"));
    assertThat(kept.get(1).at("/tools/0/function/name").asString()).isEqualTo("f");
    assertThat(response.json().path("store").asBoolean()).isTrue();
    assertThat(kept.get(2).at("/prompt/0/role").asString()).isEqualTo("system");
    assertThat(kept.get(2).at("/answers/0/content").asString())
        .isEqualTo(response.json().at("/output/0/content/0/text").asString());
    assertThat(kept.get(3).path("prompt").asString()).isEqualTo("Team:");
    StringBuilder said = new StringBuilder();
    for (JsonNode event : plain.events()) {
      said.append(event.at("/choices/0/text").asString(""));
    }
    assertThat(kept.get(3).at("/answers/0").asString()).isEqualTo(said.toString());
  }

  @Test
  void feedbackMayCorrectAnAnswerOrNameTheOneThatItReplaced() throws IOException {
    try (Place place = open(s -> s)) {
      String first = id(place.post(CHAT, Place.chat("one", "hi", "\"max_tokens\": 2")));
      Reply second = place.post(CHAT, Place.chat("one", "hi", "\"max_tokens\": 3"));
      assertThat(say(place, id(second), "\"regeneration_of\": \"" + first + "\"").status())
          .isEqualTo(200);
      assertThat(say(place, id(second), "\"correction\": \"hello\"").status()).isEqualTo(200);
      Reply unknown = say(place, "chatcmpl-none", "\"score\": 1");
      assertThat(unknown.status()).isEqualTo(404);
      assertThat(unknown.error("message"))
          .isEqualTo(
              "response_id is 'chatcmpl-none'; no answer of this client that takes feedback has"
                  + " that id");
      Reply wrong = say(place, first, "\"correction\": 3");
      assertThat(wrong.status()).isEqualTo(400);
      assertThat(wrong.error("param")).isEqualTo("correction");
      assertThat(wrong.error("message"))
          .isEqualTo("correction is 3; it must be a text, or a message of the assistant");
      assertThat(say(place, first, "\"regeneration_of\": \"no\"").error("param"))
          .isEqualTo("regeneration_of");
      assertThat(say(place, first, "\"score\": 1, \"choice\": 1").error("message"))
          .isEqualTo("choice is 1; the answer has 1, counted from 0");
      JsonNode counts = place.get("/v1/load").json().path("feedback");
      assertThat(counts)
          .hasToString(
              "[{\"adapter\":\"one\",\"answers\":2,\"liked\":0,\"disliked\":0,\"corrected\":1,\"regenerated\":1,\"comments\":0}]");
      assertThat(place.get("/metrics").text())
          .contains(
              "nudge:captured_total{model_name=\"base\",engine=\"0\"} 4\n",
              "nudge:capture_dropped_total{model_name=\"base\",engine=\"0\",reason=\"queue\"} 0\n",
              "nudge:capture_dropped_total{model_name=\"base\",engine=\"0\",reason=\"disk\"} 0\n")
          .containsOnlyOnce("# TYPE nudge:capture_dropped_total counter");
    }
    assertThat(lines()).hasSize(4);
  }

  @Test
  void aClientGivesFeedbackOnItsOwnAnswersAndReadsNothingBack() throws IOException {
    Path keys = folder.resolve("keys.json");
    String other = KEY + "-2";
    Files.writeString(
        keys,
        "{\"clients\": [{\"name\": \"shop/../x\", \"key\": \"%s\"}, {\"name\": \"bank\", \"key\": \"%s\", \"adapters\": [\"one\"]}]}"
            .formatted(ApiKeys.digest(KEY), ApiKeys.digest(other)));
    String[] bank = {"Authorization", "Bearer " + other};
    try (Place place = open(s -> s.withApiKeys(keys))) {
      Reply chat = place.post(CHAT, Place.chat("one", "hi", "\"max_tokens\": 2"), OWN);
      String up = "{\"response_id\": \"" + id(chat) + "\", \"thumbs\": \"up\"}";
      assertThat(place.post(FEEDBACK, up, bank).status()).isEqualTo(404);
      assertThat(place.post(FEEDBACK, up, OWN).status()).isEqualTo(200);
      assertThat(place.post(FEEDBACK, up).status()).isEqualTo(401);
      assertThat(place.get(FEEDBACK, OWN).status()).isEqualTo(405);
      for (String path : List.of("/v1/capture", "/capture", "/ui/../kept", "/kept")) {
        assertThat(place.get(path, OWN).status()).isEqualTo(404);
      }
      assertThat(place.get("/v1/load", bank).json().has("feedback")).isFalse();
      assertThat(place.get("/v1/load", OWN).json().at("/feedback/0/liked").asInt()).isEqualTo(1);
    }
    assertThat(folder.resolve("kept/shop%2F..%2Fx/one")).isDirectory();
  }

  @Test
  void theArmOfAnExperimentIsKeptAndFeedbackCountsForBoth() throws IOException {
    try (Place place =
        open(s -> s.withExperiments(folder.resolve("experiments")).withAllowKeylessAdmin(true))) {
      place.post(
          "/v1/experiments",
          "{\"name\": \"tone\", \"arms\": [{\"adapter\": \"one\"}, {\"adapter\": \"other\"}]}");
      Reply chat =
          place.post(CHAT, Place.chat("tone", "hi", "\"max_tokens\": 2"), "X-Experiment-Unit", "u");
      String arm = chat.header("X-Experiment-Arm");
      JsonNode both =
          place
              .post(
                  FEEDBACK,
                  "{\"request_id\": \"%s\", \"score\": 0}".formatted(chat.header("X-Request-Id")))
              .json();
      assertThat(both.path("arm").asString()).isEqualTo(arm);
      assertThat(both.path("captured").asBoolean()).isTrue();
      assertThat(both.path("request_id").asString()).isEqualTo(chat.header("X-Request-Id"));
      Reply alone = say(place, id(chat), "\"correction\": \"hello\"");
      assertThat(alone.json().has("experiment")).isFalse();
      JsonNode arms = place.get("/v1/experiments/tone").json().path("arms");
      assertThat(arms.get(arm.equals("A") ? 0 : 1).at("/metrics/score/count").asInt()).isEqualTo(1);
      assertThat(lines().getFirst().path("experiment").asString()).isEqualTo("tone");
      assertThat(lines().getFirst().path("arm").asString()).isEqualTo(arm);
      assertThat(lines().getFirst().path("model").asString()).isEqualTo("tone");
    }
  }

  @Test
  void withoutAFolderNothingIsKeptAndCorrectionsAreRefused() throws IOException {
    try (Place place =
        Place.open(s -> s.withExperiments(folder.resolve("experiments")), Trials::open)) {
      String chat = id(place.post(CHAT, Place.chat("one", "hi", "\"max_tokens\": 2")));
      assertThat(say(place, chat, "\"correction\": \"hello\"").error("message"))
          .isEqualTo(
              "choice, correction and regeneration_of are about captured answers; start the server"
                  + " with --capture FOLDER");
      assertThat(place.get("/v1/load").json().has("feedback")).isFalse();
      assertThat(place.get("/metrics").text()).doesNotContain("capture");
    }
    try (Stream<Path> all = Files.list(folder)) {
      assertThat(all).containsExactly(folder.resolve("experiments"));
    }
  }
}
