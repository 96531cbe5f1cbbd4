package dev.nudge.springai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.chat.Assistant;
import dev.nudge.chat.Conversation;
import dev.nudge.chat.Question;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.SamplingSettings;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.ai.chat.client.AdvisorParams;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.messages.SystemMessage;
import org.springframework.ai.chat.messages.ToolResponseMessage;
import org.springframework.ai.chat.messages.UserMessage;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.model.Generation;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.content.Media;
import org.springframework.ai.tool.ToolCallback;
import org.springframework.ai.tool.function.FunctionToolCallback;
import org.springframework.util.MimeTypeUtils;

/// Asks a tiny model and two adapters by Spring AI.
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

  private static Prompt prompt(@Nullable String adapter, int tokens) {
    return new Prompt(
        List.of(new SystemMessage("Be brief."), new UserMessage("hi there")),
        ChatOptions.builder().model(adapter).maxTokens(tokens).build());
  }

  private static String expected(@Nullable String adapter, int tokens) {
    return assistant
        .ask(
            Question.of(new Conversation().system("Be brief.").user("hi there").messages())
                .withAdapter(adapter)
                .withSampling(SamplingSettings.greedy().withMaxTokens(tokens)))
        .text();
  }

  private static Generation result(ChatResponse response) {
    return Objects.requireNonNull(response.getResult());
  }

  private static String text(ChatResponse response) {
    return Objects.requireNonNull(result(response).getOutput().getText());
  }

  private static List<ChatResponse> stream(Prompt prompt) {
    return Objects.requireNonNull(model.stream(prompt).collectList().block(Duration.ofSeconds(60)));
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
    assertThat(model.call(prompt(name, 2)).getMetadata().<String>get("warning")).isEqualTo(line);
    assertThat(stream(prompt(name, 2)).getLast().getMetadata().<String>get("warning"))
        .isEqualTo(line);
    assertThat(model.call(prompt("one", 2)).getMetadata().<String>get("warning")).isNull();
  }

  @Test
  void theModelOfTheOptionsIsTheAdapterThatAnswers() {
    ChatResponse one = model.call(prompt("one", 12));
    assertThat(text(model.call(prompt(null, 12)))).isEqualTo(expected(null, 12));
    assertThat(text(one)).isEqualTo(expected("one", 12)).isNotEqualTo(expected(null, 12));
    assertThat(text(model.call(prompt("other", 12)))).isEqualTo(expected("other", 12));
    assertThat(one.getMetadata().getModel()).isEqualTo("one");
    assertThat(one.getMetadata().<String>get("adapter")).startsWith("sha256:");
    assertThat(one.getMetadata().getUsage().getCompletionTokens()).isBetween(1, 12);
    assertThat(result(one).getMetadata().getFinishReason()).isIn("STOP", "LENGTH");
    ChatModel usual =
        NudgeChatModel.of(assistant)
            .withOptions(NudgeChatOptions.builder().model("other").maxTokens(12).build());
    Prompt plain = new Prompt(List.of(new SystemMessage("Be brief."), new UserMessage("hi there")));
    assertThat(text(usual.call(plain))).isEqualTo(expected("other", 12));
  }

  @Test
  void aPromptWithoutAModelIsAnsweredByTheOneAdapterThatHasAName() {
    Prompt plain = prompt(null, 12);
    try (Assistant own = own()) {
      own.name("route", Goldens.ADAPTER.toString());
      ChatModel chat = NudgeChatModel.of(own);
      assertThat(text(chat.call(plain))).isEqualTo(expected("one", 12));
    }
    String base = text(model.call(plain)); // two have a name there
    assertThat(base).isEqualTo(text(model.call(plain))).isNotEqualTo(expected("one", 12));
    assertThat(WARNINGS).filteredOn(line -> line.contains("names no adapter")).hasSize(1);
  }

  @Test
  void optionsMaySayWhoAsksAndGiveTheTemplateNames() {
    NudgeChatOptions own =
        NudgeChatOptions.builder()
            .maxTokens(2)
            .client("acme")
            .variables(Map.of("prefix", "well, well, well"))
            .build();
    Prompt plain = prompt(null, 2);
    Prompt asked = new Prompt(plain.getInstructions(), own);
    int before = model.call(plain).getMetadata().getUsage().getPromptTokens();
    assertThat(model.call(asked).getMetadata().getUsage().getPromptTokens()).isGreaterThan(before);
    ChatOptions none = NudgeChatOptions.builder().build();
    Question question = PromptQuestion.of(asked, none, SamplingSettings.greedy()).question();
    assertThat(question.client()).isEqualTo("acme");
    assertThat(own.mutate().build()).isEqualTo(own);
    assertThat(own.mutate().client("other").build()).isNotEqualTo(own);
    ChatModel usual = NudgeChatModel.of(assistant).withOptions(own);
    assertThat(
            usual
                .call(new Prompt(plain.getInstructions()))
                .getMetadata()
                .getUsage()
                .getPromptTokens())
        .isGreaterThan(before);
  }

  @Test
  void aStreamIsTheSameAnswerInPiecesAndEndsWithItsUsage() {
    List<ChatResponse> all = stream(prompt("one", 12));
    assertThat(all).hasSizeGreaterThan(2);
    StringBuilder said = new StringBuilder();
    all.forEach(response -> said.append(text(response)));
    assertThat(said).hasToString(expected("one", 12));
    assertThat(all.getLast().getMetadata().getUsage().getCompletionTokens()).isBetween(1, 12);
  }

  @Test
  void whoLeavesAStreamEndsTheAnswer() throws Exception {
    long before = assistant.session().serving().stats().generationTokens();
    NudgeChatModel.of(assistant)
        .withSampling(SamplingSettings.greedy().withMaxTokens(400).withMinTokens(400))
        .stream(new Prompt("go on"))
        .take(2)
        .collectList()
        .block(Duration.ofSeconds(60));
    while (assistant.session().serving().stats().running() > 0) {
      Thread.sleep(5);
    }
    assertThat(assistant.session().serving().stats().generationTokens() - before).isLessThan(200);
  }

  /// What the tool takes.
  record Place(City city) {
    enum City {
      ROME,
      OSLO
    }
  }

  private static ToolCallback weather() {
    return FunctionToolCallback.builder("weather", (Place place) -> "rain in " + place.city())
        .description("the weather of a city")
        .inputType(Place.class)
        .build();
  }

  @Test
  void aToolIsCalledWithArgumentsOfItsSchemaAndItsResultGoesBack() {
    NudgeChatOptions options =
        NudgeChatOptions.builder()
            .toolCallbacks(weather())
            .toolChoice("weather")
            .maxTokens(200)
            .build();
    ChatResponse response = model.call(new Prompt("weather?", options));
    assertThat(response.hasToolCalls()).isTrue();
    AssistantMessage said = result(response).getOutput();
    AssistantMessage.ToolCall call = said.getToolCalls().getFirst();
    assertThat(weather().call(call.arguments())).matches(".*rain in (ROME|OSLO).*");
    List<ChatResponse> stream = stream(new Prompt("weather?", options));
    assertThat(result(stream.getLast()).getOutput().getToolCalls().getFirst().arguments())
        .isEqualTo(call.arguments());

    assertThat(asked(said, call, "rain, rain, rain")).isGreaterThan(asked(said, call, "rain"));
  }

  /// Tokens of the prompt that has the result of a call.
  private static int asked(AssistantMessage said, AssistantMessage.ToolCall call, String result) {
    List<ToolResponseMessage.ToolResponse> results =
        List.of(new ToolResponseMessage.ToolResponse(call.id(), "weather", result));
    Prompt more =
        new Prompt(
            List.of(
                new UserMessage("weather?"),
                said,
                ToolResponseMessage.builder().responses(results).build()),
            ChatOptions.builder().maxTokens(2).build());
    return model.call(more).getMetadata().getUsage().getPromptTokens();
  }

  @Test
  void aClientMakesTheCallThatIsForcedOnceAndGetsAnAnswer() {
    AtomicInteger calls = new AtomicInteger();
    ToolCallback counted =
        FunctionToolCallback.builder(
                "weather",
                (Place place) -> {
                  calls.incrementAndGet();
                  return "rain";
                })
            .description("w")
            .inputType(Place.class)
            .inputSchema(
                "{\"type\":\"object\",\"properties\":{\"city\":{\"enum\":[\"OSLO\"]}},\"required\":[\"city\"],\"additionalProperties\":false}")
            .build();
    String said =
        ChatClient.create(model)
            .prompt()
            .user("?")
            .options(
                NudgeChatOptions.builder()
                    .toolCallbacks(counted)
                    .toolChoice("weather")
                    .maxTokens(60))
            .call()
            .content();
    assertThat(calls).hasValue(1);
    assertThat(said).isNotEmpty();
  }

  @Test
  void portableOptionsOfTheModelLoseNoTools() {
    ChatModel portable =
        NudgeChatModel.of(assistant)
            .withOptions(ChatOptions.builder().model("one").maxTokens(12).build());
    assertThat(portable.getOptions())
        .isInstanceOf(NudgeChatOptions.class)
        .returns("one", ChatOptions::getModel)
        .returns(12, ChatOptions::getMaxTokens);
  }

  /// What an answer is held to.
  record Verdict(Opinion opinion) {
    enum Opinion {
      GOOD,
      BAD
    }
  }

  @Test
  void aClientGetsObjectsBecauseAnswersAreHeldToTheirSchema() {
    Verdict verdict =
        ChatClient.create(model)
            .prompt()
            .user("It was fine.")
            .advisors(AdvisorParams.ENABLE_NATIVE_STRUCTURED_OUTPUT)
            .call()
            .entity(Verdict.class);
    assertThat(Objects.requireNonNull(verdict).opinion()).isNotNull();
  }

  @Test
  void aClientAsksAnAdapterByItsOptions() {
    String said =
        ChatClient.create(model)
            .prompt()
            .system("Be brief.")
            .user("hi there")
            .options(NudgeChatOptions.builder().model("one").maxTokens(12))
            .call()
            .content();
    assertThat(said).isEqualTo(expected("one", 12));
  }

  @Test
  void mistakesAreOneLine() {
    assertThatThrownBy(() -> model.call(prompt("nobody", 4)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("there is no adapter 'nobody'");
    assertThatThrownBy(() -> model.stream(prompt("nobody", 4)).blockLast())
        .isInstanceOf(InputException.class);
    UserMessage image =
        UserMessage.builder()
            .text("look")
            .media(
                Media.builder()
                    .mimeType(MimeTypeUtils.IMAGE_PNG)
                    .data(URI.create("http://example.com/a.png"))
                    .build())
            .build();
    assertThatThrownBy(() -> model.call(new Prompt(image)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("image/png");
  }

  @Test
  void optionsKeepWhatTheyHoldWhenTheyChange() {
    NudgeChatOptions options =
        NudgeChatOptions.builder()
            .model("one")
            .temperature(0.5)
            .outputSchema("{}")
            .toolChoice("required")
            .toolCallbacks(weather())
            .build();
    assertThat(options.mutate().build()).isEqualTo(options).hasSameHashCodeAs(options);
    NudgeChatOptions other = options.mutate().outputSchema(null).build();
    assertThat(other).isNotEqualTo(options);
    assertThat(
            NudgeChatOptions.builder()
                .outputSchema("{\"type\":\"object\"}")
                .combineWith(NudgeChatOptions.builder().toolChoice("none"))
                .build())
        .returns("none", NudgeChatOptions::getToolChoice)
        .returns("{\"type\":\"object\"}", NudgeChatOptions::getOutputSchema);
  }
}
