package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.server.Place.Reply;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// Asks adapters in the form that they learned and in the other one.
@Timeout(1800)
class AdapterFormTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String COMPLETE = "/v1/completions";
  private static final String RESPOND = "/v1/responses";
  private static final String ASKED_AS_CHAT =
      "adapter teams was trained on prompts of the form 'Mail {{é}}: {subject} ({n})\\n"
          + "Team:', and conversations go to it by a chat template; ask /v1/completions with"
          + " 'columns' (subject, n)";
  private static final String ASKED_RAW =
      "adapter support was trained on conversations, and plain prompts bypass its chat template;"
          + " ask /v1/chat/completions";
  @TempDir private static Path folder;
  private static Place place;

  private static Path trained(Path adapter, String name, Map<String, Object> data)
      throws IOException {
    Path to = Files.createDirectories(folder.resolve(name));
    for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(adapter.resolve(file), to.resolve(file));
    }
    Identity.Model model =
        new Identity.Model(
            Place.MODEL, null, () -> BaseDigest.of(Place.MODEL, Place.MACHINE.cache()));
    Identity.of(model, Map.copyOf(data)).write(to);
    return to;
  }

  @BeforeAll
  static void serve() throws IOException {
    Path teams =
        trained(
            Place.ONE,
            "teams",
            Map.of("spoken", false, "prompt", "Mail {{é}}: {subject} ({n})\\nTeam:"));
    Path support = trained(Place.OTHER, "support", Map.of("spoken", true));
    place =
        Place.open(s -> s.withAdapter("teams=" + teams, "support=" + support, "one=" + Place.ONE));
  }

  @AfterAll
  static void stop() {
    place.close();
  }

  private static String warning(Reply reply) {
    assertThat(reply.status()).as(reply.text()).isEqualTo(200);
    return reply.json().path("warning").asString("");
  }

  private static String raw(String model, String more) {
    return "{\"model\": \"%s\", \"max_tokens\": 2, \"temperature\": 0, %s}".formatted(model, more);
  }

  @Test
  void aChatWithAnAdapterOfPromptsIsWarnedOfInEveryReplyAndItsHeader() {
    String input = "{\"model\": \"teams\", \"input\": \"hi\", \"max_output_tokens\": 16}";
    for (int i = 0; i < 2; i++) {
      Reply reply = place.post(CHAT, Place.chat("teams", "hi", "\"max_tokens\": 1"));
      assertThat(warning(reply)).isEqualTo(ASKED_AS_CHAT);
      assertThat(reply.header("X-Nudge-Warning")).isEqualTo(ASKED_AS_CHAT.replace("é", "?"));
    }
    assertThat(warning(place.post(RESPOND, input))).isEqualTo(ASKED_AS_CHAT);
  }

  @Test
  void aStreamWarnsInItsFirstChunkAndAResponsesStreamInItsResponse() {
    List<JsonNode> chunks =
        place.post(CHAT, Place.chat("teams", "hi", "\"max_tokens\": 3, \"stream\": true")).events();
    assertThat(chunks.getFirst().path("warning").asString("")).isEqualTo(ASKED_AS_CHAT);
    assertThat(chunks.stream().skip(1)).noneMatch(chunk -> chunk.has("warning"));
    Reply responded =
        place.post(
            RESPOND,
            "{\"model\": \"teams\", \"input\": \"hi\", \"max_output_tokens\": 16, \"stream\":"
                + " true}");
    assertThat(
            responded
                .text()
                .lines()
                .filter(line -> line.startsWith("data: {"))
                .map(line -> Place.JSON.readTree(line.substring("data: ".length())))
                .map(event -> event.path("response"))
                .filter(JsonNode::isObject)
                .map(response -> response.path("warning").asString("")))
        .hasSize(3)
        .containsOnly(ASKED_AS_CHAT);
  }

  @Test
  void aRawPromptToAnAdapterOfConversationsIsWarnedOf() {
    Reply reply = place.post(COMPLETE, raw("support", "\"prompt\": \"hi\""));
    assertThat(warning(reply)).isEqualTo(ASKED_RAW);
    assertThat(reply.header("X-Nudge-Warning")).isEqualTo(ASKED_RAW);
    List<JsonNode> chunks =
        place.post(COMPLETE, raw("support", "\"prompt\": \"hi\", \"stream\": true")).events();
    assertThat(chunks.getFirst().path("warning").asString("")).isEqualTo(ASKED_RAW);
  }

  @Test
  void anAdapterThatIsAskedInItsFormIsNotWarnedOfNorIsTheBaseNorAnUnknownForm() {
    for (Reply reply :
        List.of(
            place.post(CHAT, Place.chat("support", "hi", "\"max_tokens\": 1")),
            place.post(CHAT, Place.chat("base", "hi", "\"max_tokens\": 1")),
            place.post(CHAT, Place.chat("one", "hi", "\"max_tokens\": 1")),
            place.post(COMPLETE, raw("teams", "\"prompt\": \"hi\"")),
            place.post(COMPLETE, raw("base", "\"prompt\": \"hi\"")),
            place.post(COMPLETE, raw("one", "\"prompt\": \"hi\"")))) {
      assertThat(reply.json().has("warning")).as(reply.text()).isFalse();
      assertThat(reply.header("X-Nudge-Warning")).isEmpty();
    }
  }

  @Test
  void theStartAndTheListOfModelsSayWhatAnAdapterLearned() {
    assertThat(place.server.forms())
        .containsExactly(
            "adapter support learned conversations; ask /v1/chat/completions",
            "adapter teams learned prompts; ask /v1/completions with 'columns' (subject, n)");
    JsonNode teams = place.get("/v1/models/teams").json();
    assertThat(teams.path("form").asString("")).isEqualTo("prompts");
    assertThat(teams.path("pattern").asString("")).isEqualTo("Mail {é}: {subject} ({n})\nTeam:");
    assertThat(teams.path("columns").toString()).isEqualTo("[\"subject\",\"n\"]");
    assertThat(place.get("/v1/models/support").json().path("form").asString(""))
        .isEqualTo("messages");
    assertThat(place.get("/v1/models/base").json().has("form")).isFalse();
  }

  @Test
  void aPatternThatCannotBeReadDoesNotHideTheModels() throws IOException {
    Path broken = trained(Place.ONE, "broken", Map.of("spoken", false, "prompt", "{oops"));
    try (Place other = Place.open(s -> s.withAdapter("broken=" + broken))) {
      assertThat(other.get("/v1/models").status()).isEqualTo(200);
      JsonNode card = other.get("/v1/models/broken").json();
      assertThat(card.path("form").asString("")).isEqualTo("prompts");
      assertThat(card.has("pattern")).isFalse();
    }
  }

  @Test
  void columnsFillTheStoredPattern() {
    String echo = ", \"echo\": true, \"max_tokens\": 0";
    Reply one =
        place.post(
            COMPLETE,
            "{\"model\": \"teams\", \"columns\": {\"subject\": \"pump\", \"n\": 1.50, \"x\": null}%s}"
                .formatted(echo));
    assertThat(one.status()).as(one.text()).isEqualTo(200);
    assertThat(one.json().at("/choices/0/text").asString(""))
        .isEqualTo("Mail {é}: pump (1.5)\nTeam:");
    assertThat(one.json().has("warning")).isFalse();
    Reply two =
        place.post(
            COMPLETE,
            "{\"model\": \"teams\", \"columns\": [{\"subject\": \"a\", \"n\": 1}, {\"subject\": \"b\", \"n\": 2}]%s}"
                .formatted(echo));
    assertThat(two.json().at("/choices/1/text").asString("")).isEqualTo("Mail {é}: b (2)\nTeam:");
    // it answers as to the prompt written out
    String filled = raw("teams", "\"columns\": {\"subject\": \"pump\", \"n\": 7}");
    String written = raw("teams", "\"prompt\": \"Mail {é}: pump (7)\\nTeam:\"");
    assertThat(place.post(COMPLETE, filled).json().at("/choices"))
        .isEqualTo(place.post(COMPLETE, written).json().at("/choices"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "teams | {\"subject\": \"a\"} | 'columns': no column 'n'; the columns are subject; 'teams'"
            + " needs subject, n",
        "teams | {\"subject\": [1], \"n\": 1} | 'columns': column 'subject' is an array; a text, a"
            + " number or a boolean is needed; 'teams' needs subject, n",
        "teams | 3 | 'columns' is 3; it must be an object of column names and texts, or a list of"
            + " them",
        "teams | [] | 'columns' has 0 rows; 1 to 256 may be",
        "support | {\"subject\": \"a\"} | 'columns' fill the prompt pattern of an adapter, and"
            + " 'support' has none; give 'prompt'",
        "base | {\"subject\": \"a\"} | 'columns' fill the prompt pattern of an adapter, and 'base'"
            + " has none; give 'prompt'",
        "teams | {}, \"prompt\": \"hi\" | 'columns' and 'prompt' are both given; leave one of them"
            + " out",
      },
      quoteCharacter = '`')
  void columnsThatCannotBeFilledInAreRefused(String model, String columns, String message) {
    Reply reply = place.post(COMPLETE, raw(model, "\"columns\": " + columns));
    assertThat(reply.status()).isEqualTo(400);
    assertThat(reply.error("param")).isEqualTo("columns");
    assertThat(reply.error("message")).isEqualTo(message);
  }

  @ParameterizedTest
  @CsvSource({
    "max_token, max_tokens",
    "temprature, temperature",
    "maxTokens, max_tokens",
    "message, messages",
    "stops, stop",
  })
  void aFieldWhoseNameIsNearToAKnownOneIsRefused(String given, String near) {
    Reply reply = place.post(CHAT, Place.chat("base", "hi", "\"%s\": 1".formatted(given)));
    assertThat(reply.status()).as(reply.text()).isEqualTo(400);
    assertThat(reply.error("param")).isEqualTo(given);
    assertThat(reply.error("message"))
        .startsWith("there is no field '%s'; did you mean %s".formatted(given, near));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"user\": \"u\", \"metadata\": {\"a\": \"b\"}, \"store\": false, \"service_tier\":"
            + " \"auto\"",
        "\"safety_identifier\": \"s\", \"prompt_cache_key\": \"k\", \"prompt_cache_retention\":"
            + " \"24h\"",
        "\"functions\": null, \"reasoning_effort\": null, \"max_token\": null",
      })
  void whatChangesNoAnswerIsIgnoredWithoutAWord(String fields) {
    assertThat(warning(place.post(CHAT, Place.chat("base", "hi", fields + ", \"max_tokens\": 1"))))
        .isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "reasoning_effort",
        "verbosity",
        "modalities",
        "top_a",
        "models",
        "prompt_logprobs",
        "chat_template",
        "keep_alive",
        "model_id",
        "stop_sequences"
      })
  void anotherFieldIsIgnoredWithAWarning(String field) {
    String more = "\"max_tokens\": 1, \"%s\": \"x\"".formatted(field);
    assertThat(warning(place.post(CHAT, Place.chat("base", "hi", more))))
        .isEqualTo("field '%s' is not supported and was ignored".formatted(field));
  }

  @Test
  void messagesForACompletionAreToldWhereTheyBelong() {
    Reply reply = place.post(COMPLETE, Place.chat("base", "hi", "\"max_tokens\": 1"));
    assertThat(reply.status()).isEqualTo(400);
    assertThat(reply.error("message"))
        .isEqualTo("'prompt' is missing; give a text, or send 'messages' to /v1/chat/completions");
  }

  @Test
  void manyOtherFieldsAreCounted() {
    StringBuilder more = new StringBuilder("\"max_tokens\": 1");
    for (int i = 0; i < 50_000; i++) {
      more.append(", \"zz%d\": 1".formatted(i));
    }
    more.append(", \"%s\": 1".formatted("y".repeat(40_000)));
    String warning = warning(place.post(CHAT, Place.chat("base", "hi", more.toString())));
    assertThat(warning)
        .startsWith("field 'zz0' is not supported and was ignored; field 'zz1' ")
        .contains("field 'zz9' is not supported and was ignored; and 49,991 more fields")
        .doesNotContain("zz10'");
  }

  @Test
  void allRoutesLookAtTheirFields() {
    Map<String, String> bodies =
        Map.of(
            COMPLETE,
            "\"prompt\": \"hi\", \"max_token\": 1",
            RESPOND,
            "\"input\": \"hi\", \"max_output_token\": 1",
            "/v1/embeddings",
            "\"input\": \"hi\", \"dimension\": 1");
    bodies.forEach(
        (route, fields) -> {
          Reply reply = place.post(route, "{\"model\": \"base\", %s}".formatted(fields));
          assertThat(reply.status()).as(reply.text()).isEqualTo(400);
          assertThat(reply.error("message")).contains("; did you mean ");
        });
    Reply embedded =
        place.post("/v1/embeddings", "{\"model\": \"base\", \"input\": \"hi\", \"keep\": 1}");
    assertThat(warning(embedded)).isEqualTo("field 'keep' is not supported and was ignored");
  }
}
