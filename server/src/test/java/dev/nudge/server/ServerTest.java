package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import dev.nudge.generate.Session;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.server.Place.Reply;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.SamplingSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Asks a server of a tiny model.
@Timeout(1800)
class ServerTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String COMPLETE = "/v1/completions";
  @RegisterExtension private static final Place place = Place.open();

  private static String alone(@Nullable Path adapter, String prompt, int tokens) {
    try (Session session =
        Session.load(ModelSettings.of(Place.MODEL), adapter, Place.MACHINE, warning -> {})) {
      return session
          .complete(prompt, SamplingSettings.greedy().withMaxTokens(tokens), piece -> {})
          .text();
    }
  }

  private static String said(Reply reply) {
    return reply.json().at("/choices/0/message/content").asString();
  }

  private static String streamed(Reply reply) {
    StringBuilder text = new StringBuilder();
    reply.events().forEach(e -> text.append(e.at("/choices/0/delta/content").asString("")));
    return text.toString();
  }

  @Test
  void severalAdaptersAtOnceSayWhatEachSaysAlone() throws Exception {
    Map<String, String> alone = new HashMap<>();
    alone.put("base", alone(null, "pump station", 24));
    alone.put("one", alone(Place.ONE, "pump station", 24));
    alone.put("other", alone(Place.OTHER, "pump station", 24));
    assertThat(new HashSet<>(alone.values())).hasSize(3);
    List<String> models = List.of("base", "one", "other");
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Reply>> replies = new ArrayList<>();
      for (int i = 0; i < 24; i++) {
        String body =
            "{\"model\": \"%s\", \"prompt\": \"pump station\", \"temperature\": 0, \"max_tokens\": 24}"
                .formatted(models.get(i % 3));
        replies.add(threads.submit(() -> place.post(COMPLETE, body)));
      }
      for (int i = 0; i < replies.size(); i++) {
        Reply reply = replies.get(i).get();
        assertThat(reply.json().at("/choices/0/text").asString())
            .isEqualTo(alone.get(models.get(i % 3)));
        assertThat(reply.header("X-Adapter")).isEqualTo(i % 3 == 0 ? "" : models.get(i % 3));
      }
    }
  }

  @Test
  void aChatHasTheFieldsThatClientsRead() {
    Reply reply = place.post(CHAT, Place.chat("one", "hi", "\"max_tokens\": 5"));
    assertThat(reply.status()).isEqualTo(200);
    JsonNode json = reply.json();
    assertThat(json.path("id").asString()).startsWith("chatcmpl-");
    assertThat(json.path("object").asString()).isEqualTo("chat.completion");
    assertThat(json.path("model").asString()).isEqualTo("one");
    assertThat(json.at("/choices/0/index").asInt()).isZero();
    assertThat(json.at("/choices/0/message/role").asString()).isEqualTo("assistant");
    assertThat(json.at("/choices/0/finish_reason").asString()).isEqualTo("length");
    assertThat(json.at("/usage/completion_tokens").asInt()).isEqualTo(5);
    assertThat(json.at("/usage/total_tokens").asInt())
        .isEqualTo(5 + json.at("/usage/prompt_tokens").asInt());
    assertThat(json.at("/adapter/digest").asString())
        .startsWith("sha256:")
        .isEqualTo(reply.header("X-Adapter-Digest"));
    assertThat(reply.header("X-Request-Id")).startsWith("req_");
    assertThat(place.get("/v1/models", "X-Request-Id", "mine-1").header("X-Request-Id"))
        .isEqualTo("mine-1");
  }

  @Test
  void aStreamHasTheRoleFirstThenTheTextThenTheReasonThenTheUsage() {
    String whole = said(place.post(CHAT, Place.chat("one", "hi", "\"max_tokens\": 12")));
    Reply reply =
        place.post(
            CHAT,
            Place.chat(
                "one",
                "hi",
                "\"max_tokens\": 12, \"stream\": true, \"stream_options\": {\"include_usage\":"
                    + " true}"));
    assertThat(reply.header("Content-Type")).startsWith("text/event-stream");
    assertThat(reply.text()).endsWith("data: [DONE]\n\n");
    List<JsonNode> events = reply.events();
    Set<String> ids = new HashSet<>();
    events.forEach(e -> ids.add(e.path("id") + " " + e.path("created") + " " + e.path("model")));
    assertThat(ids).hasSize(1);
    assertThat(events.getFirst().at("/choices/0/delta").toString())
        .isEqualTo("{\"role\":\"assistant\",\"content\":\"\"}");
    assertThat(streamed(reply)).isEqualTo(whole);
    JsonNode last = events.get(events.size() - 2);
    assertThat(last.at("/choices/0/delta").isEmpty()).isTrue();
    assertThat(last.at("/choices/0/finish_reason").asString()).isEqualTo("length");
    assertThat(last.path("usage").isNull()).isTrue();
    assertThat(events.getLast().path("choices").isEmpty()).isTrue();
    assertThat(events.getLast().at("/usage/completion_tokens").asInt()).isEqualTo(12);
  }

  @Test
  void aStopStringIsNeitherSaidNorStreamed() {
    String whole = said(place.post(CHAT, Place.chat("base", "hi", "\"max_tokens\": 30")));
    String stop = whole.substring(10, 14).replace("\\", "\\\\").replace("\"", "\\\"");
    String more = "\"max_tokens\": 30, \"stop\": [\"%s\"]".formatted(stop.replace("\n", "\\n"));
    Reply cut = place.post(CHAT, Place.chat("base", "hi", more));
    int at = whole.indexOf(whole.substring(10, 14));
    assertThat(said(cut)).isEqualTo(whole.substring(0, at));
    assertThat(cut.json().at("/choices/0/finish_reason").asString()).isEqualTo("stop");
    Reply stream = place.post(CHAT, Place.chat("base", "hi", more + ", \"stream\": true"));
    assertThat(streamed(stream)).isEqualTo(whole.substring(0, at));
  }

  @Test
  void choicesOfASeedAreTheSameAgainAndDifferFromEachOther() {
    String more = "\"max_tokens\": 12, \"temperature\": 1.5, \"seed\": 7, \"n\": 3";
    String body = Place.chat("base", "hi", more).replace("\"temperature\": 0, ", "");
    JsonNode first = place.post(CHAT, body).json();
    JsonNode again = place.post(CHAT, body).json();
    assertThat(first.path("choices")).isEqualTo(again.path("choices"));
    Set<String> texts = new HashSet<>();
    first.path("choices").forEach(c -> texts.add(c.at("/message/content").asString()));
    assertThat(texts).hasSizeGreaterThan(1);
    assertThat(first.at("/usage/completion_tokens").asInt()).isGreaterThan(12);
  }

  @Test
  void greedyChoicesAreToldAsOftenAsTheyAreWanted() {
    JsonNode json =
        place.post(CHAT, Place.chat("base", "hi", "\"max_tokens\": 4, \"n\": 2")).json();
    assertThat(json.path("choices")).hasSize(2);
    assertThat(json.at("/choices/0/message")).isEqualTo(json.at("/choices/1/message"));
    assertThat(json.at("/choices/1/index").asInt()).isEqualTo(1);
    assertThat(json.at("/usage/completion_tokens").asInt()).isEqualTo(8);
  }

  @Test
  void logProbabilitiesOfAChatComeWithTheirBytesAndWhatElseWasLikely() {
    String more = "\"max_tokens\": 6, \"logprobs\": true, \"top_logprobs\": 3";
    JsonNode whole = place.post(CHAT, Place.chat("one", "hi", more)).json();
    JsonNode tokens = whole.at("/choices/0/logprobs/content");
    assertThat(tokens).hasSize(6);
    assertThat(tokens.path(0).path("top_logprobs")).hasSize(3);
    assertThat(tokens.path(0).path("logprob").asDouble())
        .isEqualTo(tokens.at("/0/top_logprobs/0/logprob").asDouble());
    assertThat(tokens.path(0).path("bytes").isArray()).isTrue();
    Reply stream = place.post(CHAT, Place.chat("one", "hi", more + ", \"stream\": true"));
    List<JsonNode> told = new ArrayList<>();
    stream.events().forEach(e -> e.at("/choices/0/logprobs/content").forEach(told::add));
    assertThat(told).isEqualTo(tokens.valueStream().toList());
  }

  @Test
  void aCompletionTakesTextsTokensAndSeveralPrompts() {
    JsonNode ids = place.post("/tokenize", "{\"prompt\": \"pump station\"}").json().path("tokens");
    String rest = "\"model\": \"one\", \"temperature\": 0, \"max_tokens\": 8";
    String text = text("{\"prompt\": \"pump station\", " + rest + "}", 0);
    assertThat(text("{\"prompt\": " + ids + ", " + rest + "}", 0)).isEqualTo(text);
    assertThat(text("{\"prompt\": [" + ids + ", [1]], " + rest + "}", 0)).isEqualTo(text);
    assertThat(text("{\"prompt\": [\"x\", \"pump station\"], " + rest + "}", 1)).isEqualTo(text);
    assertThat(text("{\"prompt\": \"pump station\", \"echo\": true, " + rest + "}", 0))
        .isEqualTo("pump station" + text);
  }

  private static String text(String body, int choice) {
    Reply reply = place.post(COMPLETE, body);
    assertThat(reply.status()).as(reply.text()).isEqualTo(200);
    return reply.json().at("/choices/" + choice + "/text").asString();
  }

  @Test
  void anEchoTellsWhatTheModelThoughtOfThePrompt() {
    JsonNode json =
        place
            .post(
                COMPLETE,
                "{\"model\": \"one\", \"prompt\": \"pump station\", \"echo\": true, \"logprobs\":"
                    + " 1, \"max_tokens\": 0}")
            .json();
    JsonNode logprobs = json.at("/choices/0/logprobs");
    int prompt = json.at("/usage/prompt_tokens").asInt();
    assertThat(json.at("/choices/0/text").asString()).isEqualTo("pump station");
    assertThat(json.at("/usage/completion_tokens").asInt()).isZero();
    assertThat(logprobs.path("tokens")).hasSize(prompt);
    assertThat(logprobs.path("token_logprobs").path(0).isNull()).isTrue();
    double sum = 0;
    for (int i = 1; i < prompt; i++) {
      double logprob = logprobs.path("token_logprobs").path(i).asDouble();
      assertThat(logprob).isNegative();
      sum += logprob;
    }
    assertThat(sum).isNegative();
    assertThat(logprobs.path("text_offset").path(0).asInt()).isZero();
    JsonNode two =
        place
            .post(
                COMPLETE,
                "{\"model\": \"one\", \"prompt\": \"pump station\", \"echo\": true, \"logprobs\":"
                    + " 1, \"max_tokens\": 2, \"min_tokens\": 2, \"n\": 2, \"temperature\": 1}")
            .json();
    for (int i = 0; i < 2; i++) { // each choice has all of the prompt
      JsonNode own = two.at("/choices/" + i + "/logprobs/token_logprobs");
      assertThat(own).hasSize(prompt + 2);
      for (int t = 1; t < prompt; t++) {
        assertThat(own.path(t)).isEqualTo(logprobs.path("token_logprobs").path(t));
      }
    }
  }

  @Test
  void whatIgnoreEosWouldSwitchOffIsRefused() {
    Reply reply =
        place.post(
            COMPLETE,
            "{\"model\": \"one\", \"prompt\": \"x\", \"max_tokens\": 4, \"ignore_eos\": true,"
                + " \"stop\": [\"a\"]}");
    assertThat(reply.status()).isEqualTo(400);
    assertThat(reply.error("param")).isEqualTo("ignore_eos");
  }

  @Test
  void tokensBecomeTheTextAgain() {
    JsonNode tokens = place.post("/tokenize", "{\"prompt\": \"pump é\"}").json();
    assertThat(tokens.path("count").asInt()).isEqualTo(tokens.path("tokens").size());
    assertThat(
            place
                .post("/detokenize", "{\"tokens\": " + tokens.path("tokens") + "}")
                .json()
                .path("prompt")
                .asString())
        .isEqualTo("pump é");
    assertThat(
            place
                .post(
                    "/tokenize",
                    "{\"model\": \"one\", \"messages\": [{\"role\": \"user\", \"content\":"
                        + " \"hi\"}]}")
                .json()
                .path("count")
                .asInt())
        .isEqualTo(
            place
                .post(CHAT, Place.chat("one", "hi", ""))
                .json()
                .at("/usage/prompt_tokens")
                .asInt());
  }

  @Test
  void modelsAreTheBaseAndItsAdapters() {
    JsonNode list = place.get("/v1/models").json();
    assertThat(list.path("data").valueStream().map(m -> m.path("id").asString()).toList())
        .containsExactly("base", "one", "other");
    JsonNode one = place.get("/v1/models/one").json();
    assertThat(one.path("parent").asString()).isEqualTo("base");
    assertThat(one.path("digest").asString()).startsWith("sha256:");
    assertThat(one.toString()).doesNotContain("golden"); // no path of the server
    assertThat(place.get("/v1/models/nix").status()).isEqualTo(404);
  }

  @Test
  void anUnknownModelIsNotFoundAndNeverTheBase() {
    for (String model : List.of("nix", "one@champion", "one:1", "../one", "", "BASE")) {
      Reply reply = place.post(CHAT, Place.chat(model, "hi", ""));
      assertThat(reply.status()).as(model).isEqualTo(model.isEmpty() ? 400 : 404);
      assertThat(reply.error("param")).isEqualTo("model");
      assertThat(reply.header("X-Should-Retry")).isEqualTo("false");
    }
  }

  @Test
  void whatIsNeededAndNotThereIsToldAsMissing() {
    Map<String, Reply> replies =
        Map.of(
            "model", place.post(CHAT, "{\"messages\": []}"),
            "messages", place.post(CHAT, "{\"model\": \"one\"}"),
            "prompt", place.post(COMPLETE, "{\"model\": \"one\"}"),
            "tokens", place.post("/detokenize", "{}"));
    replies.forEach(
        (param, reply) -> {
          assertThat(reply.status()).as(reply.text()).isEqualTo(400);
          assertThat(reply.error("param")).isEqualTo(param);
          assertThat(reply.error("code")).as(param).isEqualTo("missing");
        });
    Reply empty = place.post(CHAT, "{\"model\": \"one\", \"messages\": []}");
    assertThat(empty.error("code")).isEqualTo("invalid_value");
  }

  @Test
  void timesBetweenTokensAreCountedEachAndTheirMeanOnceAnAnswer() {
    String each = "vllm:inter_token_latency_seconds";
    String mean = "vllm:request_time_per_output_token_seconds";
    try (Place alone = Place.open()) {
      alone.post(CHAT, Place.chat("one", "hi", "\"max_tokens\": 1"));
      assertThat(count(alone, each)).isZero();
      assertThat(count(alone, mean)).isZero();
      alone.post(CHAT, Place.chat("one", "hi", "\"max_tokens\": 5, \"ignore_eos\": true"));
      assertThat(count(alone, each)).isEqualTo(4);
      assertThat(count(alone, mean)).isEqualTo(1);
      double sum = value(alone, each + "_sum");
      assertThat(sum).isPositive();
      assertThat(value(alone, mean + "_sum")).isCloseTo(sum / 4, withinPercentage(0.1));
      assertThat(sum).isLessThan(value(alone, "vllm:e2e_request_latency_seconds_sum"));
    }
  }

  private static double count(Place place, String name) {
    return value(place, name + "_count");
  }

  /// Of the adapter `one`. What is counted is counted when its reply is out already.
  private static double value(Place place, String name) {
    for (int i = 0; i < 3000; i++) {
      String text = place.get("/metrics").text();
      Matcher line = Pattern.compile(name + "\\{[^}]*adapter=\"one\"} (.*)").matcher(text);
      if (line.find() && text.contains("status=\"200\"")) {
        return Double.parseDouble(line.group(1));
      }
      try {
        Thread.sleep(10);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
    throw new AssertionError(name);
  }

  @Test
  void contentInPartsIsOneText() {
    String parts =
        "{\"model\": \"one\", \"temperature\": 0, \"max_tokens\": 6, \"messages\": [{\"role\":"
            + " \"developer\", \"content\": \"be\"}, {\"role\": \"user\", \"content\": [{\"type\":"
            + " \"text\", \"text\": \"hi\"}]}]}";
    String plain =
        "{\"model\": \"one\", \"temperature\": 0, \"max_tokens\": 6, \"messages\": [{\"role\":"
            + " \"system\", \"content\": \"be\"}, {\"role\": \"user\", \"content\": \"hi\"}]}";
    assertThat(said(place.post(CHAT, parts))).isEqualTo(said(place.post(CHAT, plain)));
  }

  @Test
  void aJsonSchemaHoldsTheAnswer() {
    String schema =
        "{\"type\": \"object\", \"properties\": {\"colour\": {\"enum\": [\"red\", \"green\"]}},"
            + " \"required\": [\"colour\"], \"additionalProperties\": false}";
    String more =
        "\"max_tokens\": 60, \"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"c\", \"schema\": %s}}"
            .formatted(schema);
    for (String model : List.of("base", "one")) {
      Reply reply = place.post(CHAT, Place.chat(model, "hi", more));
      JsonNode said = Place.JSON.readTree(said(reply));
      assertThat(said.path("colour").asString()).isIn("red", "green");
      assertThat(reply.json().at("/choices/0/finish_reason").asString()).isEqualTo("stop");
    }
    String choice = "\"max_tokens\": 20, \"guided_choice\": [\"yes.\", \"no?\"]";
    assertThat(said(place.post(CHAT, Place.chat("base", "hi", choice)))).isIn("yes.", "no?");
  }

  @Test
  void aToolThatHasToBeCalledIsCalledWithArgumentsOfItsSchema() {
    String tools =
        "\"max_tokens\": 120, \"tools\": [{\"type\": \"function\", \"function\": {\"name\":"
            + " \"weather\", \"parameters\": {\"type\": \"object\", \"properties\": {\"city\":"
            + " {\"enum\": [\"Rome\", \"Oslo\"]}}, \"required\": [\"city\"],"
            + " \"additionalProperties\": false}}}, {\"type\": \"function\", \"function\":"
            + " {\"name\": \"time\", \"parameters\": {\"type\": \"object\", \"properties\": {},"
            + " \"additionalProperties\": false}}}]";
    Reply named =
        place.post(
            CHAT,
            Place.chat(
                "one",
                "hi",
                tools
                    + ", \"tool_choice\": {\"type\": \"function\", \"function\": {\"name\":"
                    + " \"weather\"}}"));
    assertThat(named.status()).as(named.text()).isEqualTo(200);
    JsonNode call = named.json().at("/choices/0/message/tool_calls/0");
    assertThat(call.at("/function/name").asString()).isEqualTo("weather");
    assertThat(
            Place.JSON.readTree(call.at("/function/arguments").asString()).path("city").asString())
        .isIn("Rome", "Oslo");
    assertThat(named.json().at("/choices/0/message/content").isNull()).isTrue();
    assertThat(named.json().at("/choices/0/finish_reason").asString()).isEqualTo("tool_calls");
    Reply stream =
        place.post(
            CHAT,
            Place.chat("one", "hi", tools + ", \"tool_choice\": \"required\", \"stream\": true"));
    List<JsonNode> calls = new ArrayList<>();
    stream.events().forEach(e -> e.at("/choices/0/delta/tool_calls").forEach(calls::add));
    assertThat(calls).hasSize(1);
    assertThat(calls.getFirst().at("/function/name").asString()).isIn("weather", "time");
    assertThat(calls.getFirst().path("index").asInt()).isZero();
  }

  @Test
  void countsAreThoseOfVllmWithTheAdapterBeside() {
    place.post(CHAT, Place.chat("one", "hi", "\"max_tokens\": 3"));
    String text = place.get("/metrics").text();
    assertThat(text)
        .contains("vllm:num_requests_running{model_name=\"base\",engine=\"0\"} ")
        .contains("vllm:kv_cache_usage_perc{")
        .contains("vllm:lora_requests_info{model_name=\"base\",engine=\"0\",max_lora=")
        .containsPattern("vllm:generation_tokens_total\\{.*adapter=\"one\"} [1-9]")
        .contains("vllm:time_to_first_token_seconds_bucket{")
        .contains("finished_reason=\"length\"");
  }

  @Test
  void wrongUseIsToldInFourFieldsThatNoClientRepeats() {
    Map<String, String> wrong = new HashMap<>();
    wrong.put("\"temperature\": -1", "temperature");
    wrong.put("\"top_p\": 2", "top_p");
    wrong.put("\"n\": 0", "n");
    wrong.put("\"max_tokens\": \"x\"", "max_tokens");
    wrong.put("\"logit_bias\": {\"a\": 1}", "logit_bias");
    wrong.put("\"top_logprobs\": 3", "top_logprobs");
    wrong.put("\"response_format\": {\"type\": \"xml\"}", "response_format");
    wrong.put(
        "\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"schema\": {\"not\":"
            + " {}}}}",
        "response_format");
    wrong.put("\"tools\": [{}]", "tools");
    wrong.put("\"tool_choice\": \"required\"", "tool_choice");
    wrong.forEach(
        (field, param) -> {
          String body = Place.chat("one", "hi", field).replace("\"temperature\": 0, ", "");
          Reply reply = place.post(CHAT, body);
          assertThat(reply.status()).as(field + reply.text()).isEqualTo(400);
          assertThat(reply.error("param")).as(field).isEqualTo(param);
          assertThat(reply.error("message")).isNotBlank();
          assertThat(reply.json().path("error").propertyNames())
              .containsExactly("message", "type", "param", "code");
          assertThat(reply.header("X-Should-Retry")).isEqualTo("false");
        });
    Reply role =
        place.post(
            CHAT, "{\"model\": \"one\", \"messages\": [{\"role\": \"x\", \"content\": \"y\"}]}");
    assertThat(role.error("message")).contains("message 1 has the role 'x'");
    Reply big = place.post(CHAT, Place.chat("one", "hi ".repeat(2000), ""));
    assertThat(big.error("code")).isEqualTo("context_length_exceeded");
    Reply tokens = place.post(CHAT, Place.chat("one", "hi", "\"stop_token_ids\": [999999]"));
    assertThat(tokens.error("message")).contains("stop_token_ids names token 999999");
    assertThat(tokens.error("param")).isEqualTo("stop_token_ids");
    Reply bias = place.post(CHAT, Place.chat("one", "hi", "\"logit_bias\": {\"999999\": 1}"));
    assertThat(bias.error("message")).startsWith("logit_bias names token 999999");
    assertThat(bias.error("param")).isEqualTo("logit_bias");
    assertThat(place.post("/v1/nix", "{}").status()).isEqualTo(404);
    assertThat(place.get(CHAT).status()).isEqualTo(405);
  }

  /// A copy of an adapter whose rows were texts.
  private static Path ofTexts(Path adapter, Path folder) throws IOException {
    Files.createDirectories(folder);
    for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(adapter.resolve(file), folder.resolve(file));
    }
    Identity.Model model =
        new Identity.Model(
            Place.MODEL, null, () -> BaseDigest.of(Place.MODEL, Place.MACHINE.cache()));
    Identity.of(model, Map.of("spoken", false)).write(folder);
    return folder;
  }

  @Test
  void anAdapterThatWasTrainedOnTextsIsWarnedOfOnceWhenAConversationGoesToIt(@TempDir Path folder)
      throws IOException {
    Path chatted = ofTexts(Place.ONE, folder.resolve("chatted"));
    Path responded = ofTexts(Place.OTHER, folder.resolve("responded"));
    try (Place own =
        Place.open(s -> s.withAdapter("chatted=" + chatted, "responded=" + responded))) {
      String text = "{\"model\": \"%s\", \"prompt\": \"hi\", \"max_tokens\": 1}";
      String input = "{\"model\": \"responded\", \"input\": \"hi\", \"max_output_tokens\": 16}";
      for (String name : List.of("chatted", "responded")) {
        assertThat(own.post(COMPLETE, text.formatted(name)).status()).isEqualTo(200);
      }
      assertThat(own.warnings).noneMatch(line -> line.contains("trained on texts"));
      for (int i = 0; i < 2; i++) {
        for (String name : List.of("chatted", "base")) {
          Reply reply = own.post(CHAT, Place.chat(name, "hi", "\"max_tokens\": 1"));
          assertThat(reply.status()).as(reply.text()).isEqualTo(200);
        }
      }
      String line =
          "adapter %s was trained on texts, and conversations go to it by a chat template;"
              + " /v1/completions asks it with texts as they are";
      assertThat(own.warnings)
          .filteredOn(told -> told.contains("trained on texts"))
          .containsExactly(line.formatted("chatted"));
      for (int i = 0; i < 2; i++) {
        assertThat(own.post("/v1/responses", input).status()).isEqualTo(200);
      }
      assertThat(own.warnings)
          .filteredOn(told -> told.contains("trained on texts"))
          .containsExactly(line.formatted("chatted"), line.formatted("responded"));
    }
  }
}
