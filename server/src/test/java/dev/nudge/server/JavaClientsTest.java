package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionFunctionTool;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.chat.completions.ChatCompletionToolChoiceOption;
import com.openai.models.completions.CompletionCreateParams;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonEnumSchema;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Asks by the clients that Java programs have: OpenAI's own, and LangChain4j's.
@Timeout(1800)
class JavaClientsTest {
  private static Place place;
  private static OpenAIClient client;

  @BeforeAll
  static void open() {
    place = Place.open();
    client =
        OpenAIOkHttpClient.builder().baseUrl(place.url("/v1").toString()).apiKey("any").build();
  }

  @AfterAll
  static void close() {
    client.close();
    place.close();
  }

  private static String plain(String model, int tokens) {
    return place
        .post("/v1/chat/completions", Place.chat(model, "hi", "\"max_tokens\": " + tokens))
        .json()
        .at("/choices/0/message/content")
        .asString();
  }

  private static ChatCompletionCreateParams.Builder chat(String model) {
    return ChatCompletionCreateParams.builder()
        .model(model)
        .addUserMessage("hi")
        .temperature(0)
        .maxCompletionTokens(10);
  }

  @Test
  void openaisClientReadsAChatAndItsStream() {
    ChatCompletion whole = client.chat().completions().create(chat("one").build());
    assertThat(whole.choices().getFirst().message().content()).contains(plain("one", 10));
    assertThat(whole.usage().orElseThrow().completionTokens()).isEqualTo(10);
    ChatCompletionStreamOptions usage =
        ChatCompletionStreamOptions.builder().includeUsage(true).build();
    StringBuilder text = new StringBuilder();
    long tokens = 0;
    try (StreamResponse<ChatCompletionChunk> stream =
        client.chat().completions().createStreaming(chat("one").streamOptions(usage).build())) {
      for (ChatCompletionChunk chunk : stream.stream().toList()) {
        chunk.validate();
        chunk.choices().forEach(c -> text.append(c.delta().content().orElse("")));
        tokens += chunk.usage().map(u -> u.completionTokens()).orElse(0L);
      }
    }
    assertThat(text.toString()).isEqualTo(plain("one", 10));
    assertThat(tokens).isEqualTo(10);
    whole.validate();
  }

  @Test
  void openaisClientReadsModelsCompletionsAndMistakes() {
    assertThat(client.models().list().data().stream().map(m -> m.id()).toList())
        .containsExactly("base", "one", "other");
    assertThat(client.models().retrieve("other").validate().id()).isEqualTo("other");
    var completion =
        client
            .completions()
            .create(
                CompletionCreateParams.builder()
                    .model("one")
                    .prompt("pump")
                    .maxTokens(4)
                    .temperature(0)
                    .logprobs(1)
                    .build())
            .validate();
    assertThat(completion.choices().getFirst().logprobs().orElseThrow().tokens().orElseThrow())
        .hasSize(4);
    assertThatThrownBy(() -> client.chat().completions().create(chat("nix").build()))
        .isInstanceOf(NotFoundException.class)
        .hasMessageContaining("there is no model 'nix'");
    assertThatThrownBy(
            () ->
                client
                    .chat()
                    .completions()
                    .create(
                        chat("one").putAdditionalBodyProperty("top_k", JsonValue.from(-5)).build()))
        .isInstanceOf(BadRequestException.class)
        .hasMessageContaining("'top_k' is -5");
  }

  @Test
  void openaisClientReadsTheCallOfATool() {
    FunctionDefinition weather =
        FunctionDefinition.builder()
            .name("weather")
            .parameters(
                FunctionParameters.builder()
                    .putAdditionalProperty("type", JsonValue.from("object"))
                    .putAdditionalProperty(
                        "properties",
                        JsonValue.from(Map.of("city", Map.of("enum", List.of("Rome")))))
                    .putAdditionalProperty("required", JsonValue.from(List.of("city")))
                    .putAdditionalProperty("additionalProperties", JsonValue.from(false))
                    .build())
            .build();
    ChatCompletion reply =
        client
            .chat()
            .completions()
            .create(
                chat("one")
                    .maxCompletionTokens(100)
                    .addTool(ChatCompletionFunctionTool.builder().function(weather).build())
                    .toolChoice(ChatCompletionToolChoiceOption.Auto.REQUIRED)
                    .build())
            .validate();
    var call =
        reply.choices().getFirst().message().toolCalls().orElseThrow().getFirst().asFunction();
    assertThat(call.function().name()).isEqualTo("weather");
    assertThat(call.function().arguments()).isEqualTo("{\"city\":\"Rome\"}");
  }

  private static OpenAiChatModel langChain(String model, int tokens) {
    return OpenAiChatModel.builder()
        .baseUrl(place.url("/v1").toString())
        .apiKey("any")
        .modelName(model)
        .temperature(0.0)
        .maxTokens(tokens)
        .strictTools(true) // else a model of random weights may add properties for ever
        .maxRetries(0)
        .build();
  }

  @Test
  void langChain4jReadsAChatAndItsStream() throws Exception {
    assertThat(langChain("other", 10).chat("hi")).isEqualTo(plain("other", 10));
    CompletableFuture<String> streamed = new CompletableFuture<>();
    OpenAiStreamingChatModel.builder()
        .baseUrl(place.url("/v1").toString())
        .apiKey("any")
        .modelName("other")
        .temperature(0.0)
        .maxTokens(10)
        .build()
        .chat(
            "hi",
            new StreamingChatResponseHandler() {
              @Override
              public void onPartialResponse(String piece) {}

              @Override
              public void onCompleteResponse(ChatResponse response) {
                streamed.complete(
                    response.aiMessage().text() + " " + response.tokenUsage().outputTokenCount());
              }

              @Override
              public void onError(Throwable error) {
                streamed.completeExceptionally(error);
              }
            });
    assertThat(streamed.get()).isEqualTo(plain("other", 10) + " 10");
  }

  @Test
  void langChain4jHoldsAnAnswerToASchemaAndCallsATool() {
    JsonObjectSchema colour =
        JsonObjectSchema.builder()
            .addProperty("colour", JsonEnumSchema.builder().enumValues("red", "green").build())
            .required("colour")
            .additionalProperties(false)
            .build();
    ChatRequest schema =
        ChatRequest.builder()
            .messages(UserMessage.from("hi"))
            .responseFormat(
                ResponseFormat.builder()
                    .type(ResponseFormatType.JSON)
                    .jsonSchema(JsonSchema.builder().name("c").rootElement(colour).build())
                    .build())
            .build();
    assertThat(langChain("one", 60).chat(schema).aiMessage().text())
        .matches("(?s)\\{.*(red|green).*");
    ChatRequest tool =
        ChatRequest.builder()
            .messages(UserMessage.from("hi"))
            .toolSpecifications(
                ToolSpecification.builder().name("paint").parameters(colour).build())
            .toolChoice(ToolChoice.REQUIRED)
            .build();
    var call = langChain("one", 100).chat(tool).aiMessage().toolExecutionRequests().getFirst();
    assertThat(call.name()).isEqualTo("paint");
    assertThat(call.arguments()).contains("colour");
  }
}
