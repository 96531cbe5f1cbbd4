package dev.nudge.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.service.AiServices;
import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.chat.Assistant;
import dev.nudge.chat.Question;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.machine.Machine;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.SamplingSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Asks a tiny model and two adapters by LangChain4j.
@Timeout(1800)
class NudgeChatModelTest {
  private static final Machine MACHINE = new Machine(2, 2L << 30, Backends.cache(), "test");
  private static final List<String> WARNINGS = Collections.synchronizedList(new ArrayList<>());
  private static Assistant assistant;
  private static ChatModel model;

  private static Assistant own() {
    return Assistant.open(
        ModelSettings.of(Goldens.MODEL),
        Goldens.TEMPLATE.toString(),
        Path.of("target/no-registry"),
        MACHINE,
        WARNINGS::add);
  }

  @BeforeAll
  static void open() {
    assistant = own();
    assistant.name("one", Goldens.ADAPTER.toString());
    assistant.name("other", Goldens.OTHER.toString());
    model = NudgeChatModel.of(assistant);
  }

  @AfterAll
  static void close() {
    assistant.close();
  }

  private static ChatRequest.Builder request(int tokens) {
    return ChatRequest.builder()
        .messages(SystemMessage.from("Be brief."), UserMessage.from("hi there"))
        .maxOutputTokens(tokens);
  }

  private static String expected(@Nullable String adapter, int tokens) {
    return assistant
        .ask(
            Question.of(
                    new dev.nudge.chat.Conversation()
                        .system("Be brief.")
                        .user("hi there")
                        .messages())
                .withAdapter(adapter)
                .withSampling(SamplingSettings.greedy().withMaxTokens(tokens)))
        .text();
  }

  /// Writes down what a stream tells.
  private static class Heard implements StreamingChatResponseHandler {
    final List<String> texts = Collections.synchronizedList(new ArrayList<>());
    final List<CompleteToolCall> calls = Collections.synchronizedList(new ArrayList<>());
    final CountDownLatch ended = new CountDownLatch(1);
    volatile @Nullable ChatResponse whole;
    volatile @Nullable Throwable failure;

    @Override
    public void onPartialResponse(PartialResponse part, PartialResponseContext context) {
      texts.add(part.text());
    }

    @Override
    public void onCompleteToolCall(CompleteToolCall call) {
      calls.add(call);
    }

    @Override
    public void onCompleteResponse(ChatResponse response) {
      whole = response;
      ended.countDown();
    }

    @Override
    public void onError(Throwable error) {
      failure = error;
      ended.countDown();
    }
  }

  private static Heard stream(ChatRequest request) throws InterruptedException {
    Heard heard = new Heard();
    NudgeStreamingChatModel.of(NudgeChatModel.of(assistant)).chat(request, heard);
    heard.ended.await();
    return heard;
  }

  @Test
  void aRequestWithoutAModelNameIsAnsweredByTheOneAdapterThatHasAName() {
    try (Assistant own = own()) {
      own.name("route", Goldens.ADAPTER.toString());
      ChatModel chat = NudgeChatModel.of(own);
      assertThat(chat.chat(request(12).build()).aiMessage().text()).isEqualTo(expected("one", 12));
    }
    String base = model.chat(request(12).build()).aiMessage().text(); // two have a name there
    assertThat(base).isEqualTo(expected(null, 12)).isNotEqualTo(expected("one", 12));
    assertThat(WARNINGS).filteredOn(line -> line.contains("names no adapter")).hasSize(1);
  }

  /// A copy of an adapter whose rows were texts.
  private static Path ofTexts(Path folder) throws IOException {
    for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(Goldens.ADAPTER.resolve(file), folder.resolve(file));
    }
    Identity.Model trained =
        new Identity.Model(
            Goldens.MODEL, null, () -> BaseDigest.of(Goldens.MODEL, MACHINE.cache()));
    Identity.of(trained, Map.of("spoken", false)).write(folder);
    return folder;
  }

  @Test
  void aChatWithAnAdapterOfTextsIsWarnedOfInTheMetadata(@TempDir Path folder) throws IOException {
    String name = ofTexts(folder).toString();
    String line =
        "adapter %s was trained on texts, and conversations go to it by a chat template"
            .formatted(name);
    ChatResponse texts = model.chat(request(2).modelName(name).build());
    ChatResponse one = model.chat(request(2).modelName("one").build());
    assertThat(texts.metadata())
        .isInstanceOfSatisfying(
            NudgeChatResponseMetadata.class,
            own -> {
              assertThat(own.warning()).isEqualTo(line);
              assertThat(own.adapter()).startsWith("sha256:");
              assertThat(own.toBuilder().id("x").build().warning()).isEqualTo(line);
            });
    assertThat(((NudgeChatResponseMetadata) one.metadata()).warning()).isNull();
  }

  @Test
  void theModelNameOfARequestIsTheAdapterThatAnswers() {
    ChatResponse base = model.chat(request(12).build());
    ChatResponse one = model.chat(request(12).modelName("one").build());
    ChatResponse other = model.chat(request(12).modelName("other").build());
    assertThat(base.aiMessage().text()).isEqualTo(expected(null, 12));
    assertThat(one.aiMessage().text()).isEqualTo(expected("one", 12));
    assertThat(other.aiMessage().text()).isEqualTo(expected("other", 12));
    assertThat(one.aiMessage().text())
        .isNotEqualTo(base.aiMessage().text())
        .isNotEqualTo(other.aiMessage().text());
    assertThat(one.metadata().modelName()).isEqualTo("one");
    assertThat(one.metadata().finishReason()).isIn(FinishReason.LENGTH, FinishReason.STOP);
    assertThat(one.metadata().tokenUsage().outputTokenCount()).isBetween(1, 12);
    ChatModel usual =
        NudgeChatModel.of(assistant)
            .withDefaults(ChatRequestParameters.builder().modelName("other").build());
    assertThat(usual.chat(request(12).build()).aiMessage().text())
        .isEqualTo(other.aiMessage().text());
  }

  @Test
  void aRequestMaySayWhoAsksAndGiveTheTemplateNames() {
    int plain = model.chat(request(2).build()).tokenUsage().inputTokenCount();
    NudgeChatRequestParameters own =
        NudgeChatRequestParameters.builder()
            .maxOutputTokens(2)
            .client("acme")
            .variables(Map.of("prefix", "well, well, well"))
            .build();
    List<ChatMessage> messages = request(2).build().messages();
    ChatRequest asked = ChatRequest.builder().messages(messages).parameters(own).build();
    assertThat(model.chat(asked).tokenUsage().inputTokenCount()).isGreaterThan(plain);
    Question question = Questions.of(asked, SamplingSettings.greedy());
    assertThat(question.client()).isEqualTo("acme");
    assertThat(question.sampling().maxTokens()).isEqualTo(2);
    ChatModel usual = NudgeChatModel.of(assistant).withDefaults(own);
    assertThat(usual.chat(request(2).build()).tokenUsage().inputTokenCount()).isGreaterThan(plain);
    NudgeChatRequestParameters both =
        own.overrideWith(NudgeChatRequestParameters.builder().client("other").build());
    assertThat(both.client()).isEqualTo("other");
    assertThat(both.variables()).isEqualTo(own.variables());
    assertThat(both).isNotEqualTo(own);
    assertThat(own.overrideWith(ChatRequestParameters.builder().build())).isEqualTo(own);
    assertThat(own.defaultedBy(both)).isEqualTo(own);
  }

  @Test
  void aStreamIsTheSameAnswerInPieces() throws Exception {
    Heard heard = stream(request(12).modelName("one").build());
    assertThat(heard.failure).isNull();
    assertThat(String.join("", heard.texts)).isEqualTo(expected("one", 12));
    assertThat(Objects.requireNonNull(heard.whole).aiMessage().text())
        .isEqualTo(expected("one", 12));
    assertThat(heard.texts).hasSizeGreaterThan(1);
  }

  @Test
  void aHandleCancelsTheAnswer() throws Exception {
    CountDownLatch cancelled = new CountDownLatch(1);
    long before = assistant.session().serving().stats().generationTokens();
    List<String> after = Collections.synchronizedList(new ArrayList<>());
    NudgeStreamingChatModel.of(
            NudgeChatModel.of(assistant)
                .withSampling(SamplingSettings.greedy().withMaxTokens(400).withMinTokens(400)))
        .chat(
            ChatRequest.builder().messages(UserMessage.from("go on")).build(),
            new Heard() {
              @Override
              public void onPartialResponse(PartialResponse part, PartialResponseContext context) {
                after.add(part.text());
                context.streamingHandle().cancel();
                cancelled.countDown();
              }
            });
    cancelled.await();
    while (assistant.session().serving().stats().running() > 0) {
      Thread.sleep(5);
    }
    assertThat(assistant.session().serving().stats().generationTokens() - before).isLessThan(200);
    assertThat(after).hasSize(1);
  }

  @Test
  void aToolIsCalledAndItsResultGoesBack() throws Exception {
    ToolSpecification tool =
        ToolSpecification.builder()
            .name("weather")
            .description("the weather of a city")
            .parameters(
                JsonObjectSchema.builder()
                    .addEnumProperty("city", List.of("Rome", "Oslo"))
                    .required("city")
                    .build())
            .build();
    ChatRequest asked =
        request(200).toolSpecifications(tool).toolChoice(ToolChoice.REQUIRED).build();
    ChatResponse response = model.chat(asked);
    assertThat(response.metadata().finishReason()).isEqualTo(FinishReason.TOOL_EXECUTION);
    ToolExecutionRequest call = response.aiMessage().toolExecutionRequests().getFirst();
    assertThat(call.name()).isEqualTo("weather");
    assertThat(call.arguments()).matches("\\{\"city\":\\s?\"(Rome|Oslo)\".*\\}");
    assertThat(response.aiMessage().text()).isNull();
    Heard heard = stream(asked);
    assertThat(heard.calls).hasSize(1);
    assertThat(heard.calls.getFirst().toolExecutionRequest().arguments())
        .isEqualTo(call.arguments());

    int rain = asked(call, "rain");
    assertThat(asked(call, "rain, rain, rain")).isGreaterThan(rain);
  }

  /// Tokens of the prompt that has the result of a call.
  private static int asked(ToolExecutionRequest call, String result) {
    return model
        .chat(
            ChatRequest.builder()
                .messages(
                    UserMessage.from("weather?"),
                    AiMessage.from(call),
                    ToolExecutionResultMessage.from(call, result))
                .maxOutputTokens(2)
                .build())
        .metadata()
        .tokenUsage()
        .inputTokenCount();
  }

  @Test
  void anAnswerWithASchemaMayCallAToolInstead() {
    ToolSpecification tool =
        ToolSpecification.builder()
            .name("weather")
            .parameters(JsonObjectSchema.builder().addIntegerProperty("day").build())
            .build();
    ResponseFormat format =
        ResponseFormat.builder()
            .type(ResponseFormatType.JSON)
            .jsonSchema(
                JsonSchema.builder()
                    .rootElement(
                        JsonObjectSchema.builder()
                            .addBooleanProperty("fine")
                            .required("fine")
                            .build())
                    .build())
            .build();
    AiMessage said =
        model
            .chat(request(150).toolSpecifications(tool).responseFormat(format).build())
            .aiMessage();
    assertThat(said.hasToolExecutionRequests() || said.text().contains("\"fine\"")).isTrue();
  }

  @Test
  void aHandlerThatFailsIsToldItsOwnFailure() throws Exception {
    List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch told = new CountDownLatch(1);
    NudgeStreamingChatModel.of(NudgeChatModel.of(assistant))
        .chat(
            request(12).build(),
            new Heard() {
              @Override
              public void onPartialResponse(PartialResponse part, PartialResponseContext context) {
                throw new IllegalStateException("no more");
              }

              @Override
              public void onError(Throwable error) {
                failures.add(error);
                told.countDown();
              }
            });
    told.await();
    assertThat(failures).singleElement().extracting(Throwable::getMessage).isEqualTo("no more");
  }

  /// What an answer is held to.
  record Verdict(boolean fair, Opinion opinion, Map<String, Object> why) {
    enum Opinion {
      GOOD,
      BAD
    }
  }

  interface Critic {
    Verdict judge(String text);
  }

  @Test
  void aServiceGetsObjectsBecauseAnswersAreHeldToTheirSchema() {
    Verdict verdict = AiServices.create(Critic.class, model).judge("It was fine.");
    assertThat(verdict.opinion()).isNotNull();
  }

  @Test
  void listenersAreTold() {
    List<String> told = new ArrayList<>();
    ChatModelListener listener =
        new ChatModelListener() {
          @Override
          public void onResponse(ChatModelResponseContext context) {
            told.add(context.chatResponse().aiMessage().text());
          }
        };
    String text =
        NudgeChatModel.of(assistant)
            .withListeners(List.of(listener))
            .chat(request(4).build())
            .aiMessage()
            .text();
    assertThat(told).containsExactly(text);
  }

  @Test
  void mistakesAreToldAsTheFrameworkTellsThem() throws Exception {
    assertThatThrownBy(() -> model.chat(request(4).modelName("nobody").build()))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("there is no adapter 'nobody'");
    assertThatThrownBy(() -> model.chat(request(4).temperature(-1.0).build()))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessage("withTemperature is -1; it must be 0 or more");
    assertThatThrownBy(() -> model.chat(UserMessage.from("hi ".repeat(2000))))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("raise withMaxLength")
        .hasMessageNotContaining("--max");
    UserMessage image = UserMessage.from(ImageContent.from("http://example.com/a.png"));
    assertThatThrownBy(() -> model.chat(image))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("IMAGE");
    Heard heard = stream(request(4).modelName("nobody").build());
    assertThat(heard.failure).isInstanceOf(InvalidRequestException.class);
  }
}
