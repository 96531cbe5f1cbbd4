package dev.nudge.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.format.Json;
import dev.nudge.generate.Serving;
import dev.nudge.generate.Session;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.machine.Machine;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.registry.VersionState;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.tensor.Ledger;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/// Asks a tiny model and two adapters in process.
@Timeout(1800)
class AssistantTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path MODEL = GOLDEN.resolve("llama/grouped-tied/model");
  private static final Path ONE = GOLDEN.resolve("peft/all-linear/adapter");
  private static final Path OTHER = GOLDEN.resolve("peft/patterns-rslora/adapter");
  private static final String TEMPLATE = "src/test/resources/tools.jinja";
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");
  private static final String UNNAMED = "a question names no adapter";
  private static final String TOOLS =
      """
      [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object",
        "properties": {"city": {"enum": ["Rome", "Oslo"]}}, "required": ["city"],
        "additionalProperties": false}}}]
      """;

  @TempDir Path folder;
  private final long before = Ledger.bytes();
  private final List<String> warnings = new ArrayList<>();
  private Assistant assistant;

  @BeforeEach
  void open() {
    assistant =
        Assistant.open(
            ModelSettings.of(MODEL), TEMPLATE, folder.resolve("registry"), MACHINE, warnings::add);
    assistant.name("one", ONE.toString()).name("other", OTHER.toString());
  }

  @AfterEach
  void close() {
    assistant.close();
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  private static Question question(int tokens) {
    return Question.of("hi there")
        .withSampling(SamplingSettings.greedy().withMaxTokens(tokens).withMinTokens(tokens));
  }

  /// What a session that has this adapter alone says to the text of the template.
  private static String alone(@Nullable Path adapter, int tokens) {
    try (Session session = Session.load(ModelSettings.of(MODEL), adapter, MACHINE, line -> {})) {
      return session
          .complete(
              "<|im_start|>user\nhi there<|im_end|>\n<|im_start|>assistant\n",
              SamplingSettings.greedy().withMaxTokens(tokens).withMinTokens(tokens),
              piece -> {})
          .text();
    }
  }

  /// Writes down what comes.
  private static final class Heard implements AnswerListener {
    final List<AnswerText.Part> parts = Collections.synchronizedList(new ArrayList<>());
    final CountDownLatch begun = new CountDownLatch(1);
    volatile @Nullable Answer answer;
    volatile @Nullable Throwable failure;

    @Override
    public void part(AnswerText.Part part) {
      parts.add(part);
      begun.countDown();
    }

    @Override
    public void done(Answer whole) {
      answer = whole;
    }

    @Override
    public void failed(Throwable what) {
      failure = what;
    }

    Answer whole() {
      return Objects.requireNonNull(answer);
    }
  }

  @Test
  void eachQuestionIsAnsweredByItsOwnAdapterSideBySide() {
    List<Heard> heard = List.of(new Heard(), new Heard(), new Heard());
    List<Question> questions =
        List.of(question(12), question(12).withAdapter("one"), question(12).withAdapter("other"));
    List<Serving.Running> running = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      running.add(assistant.ask(questions.get(i), heard.get(i)));
    }
    running.forEach(Serving.Running::await);
    List<String> texts = new ArrayList<>();
    for (Heard one : heard) {
      assertThat(one.failure).isNull();
      Answer answer = one.whole();
      texts.add(answer.text());
      assertThat(answer.end()).isEqualTo(Answer.End.LENGTH);
      assertThat(answer.usage().completionTokens()).isEqualTo(12);
      StringBuilder said = new StringBuilder();
      one.parts.forEach(part -> said.append(((AnswerText.Part.Content) part).text()));
      assertThat(said).hasToString(answer.text());
    }
    assertThat(texts).containsExactly(alone(null, 12), alone(ONE, 12), alone(OTHER, 12));
    assertThat(texts).doesNotHaveDuplicates();
    assertThat(heard.get(0).whole().adapter()).isNull();
    assertThat(heard.get(1).whole().adapter()).startsWith("sha256:");
    assertThat(assistant.ask(question(12).withAdapter(OTHER.toString())).text())
        .isEqualTo(texts.get(2));
  }

  @Test
  void whereSeveralAdaptersHaveANameTheBaseAnswersAndAWarningSaysSoOnce() {
    assertThat(assistant.ask(question(2)).adapter()).isNull();
    assertThat(assistant.ask(question(2)).adapter()).isNull();
    assertThat(warnings)
        .filteredOn(line -> line.contains(UNNAMED))
        .singleElement()
        .asString()
        .contains("(one, other)", "the base answers", "usual(\"one\")", "usual(null)");
  }

  @Test
  void whoChoosesWhatAnswersQuestionsWithoutAnAdapterIsNotWarned() {
    assistant.usual(null);
    assertThat(assistant.ask(question(2)).adapter()).isNull();
    String other = assistant.ask(question(2).withAdapter("other")).adapter();
    assertThat(assistant.usual("other").ask(question(2)).adapter()).isEqualTo(other).isNotNull();
    assertThat(warnings).noneMatch(line -> line.contains(UNNAMED));
  }

  @Test
  void theOneAdapterThatHasANameAnswersQuestionsThatNameNone() {
    try (Assistant own =
        Assistant.open(
            ModelSettings.of(MODEL), TEMPLATE, folder.resolve("own"), MACHINE, warnings::add)) {
      assertThat(own.ask(question(2)).adapter()).isNull();
      own.name("route", ONE.toString()).name("again", "route"); // two names, one adapter
      String one = own.ask(question(2).withAdapter("route")).adapter();
      assertThat(own.ask(question(2)).adapter()).isEqualTo(one).isNotNull();
      assertThat(own.usual(null).ask(question(2)).adapter()).isNull();
      assertThat(warnings).noneMatch(line -> line.contains(UNNAMED));
    }
  }

  /// A copy of an adapter that says whether its rows were conversations.
  private static Path trained(boolean spoken, Path adapter, Path folder) throws IOException {
    Files.createDirectories(folder);
    for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(adapter.resolve(file), folder.resolve(file));
    }
    Identity.Model model =
        new Identity.Model(MODEL, null, () -> BaseDigest.of(MODEL, MACHINE.cache()));
    Identity.of(model, Map.of("spoken", spoken)).write(folder);
    return folder;
  }

  @Test
  void anAdapterThatWasTrainedOnTextsIsWarnedOfAtItsFirstQuestion() throws IOException {
    assistant.name("texts", trained(false, ONE, folder.resolve("texts")).toString());
    assistant.name("chats", trained(true, OTHER, folder.resolve("chats")).toString());
    String line =
        "adapter texts was trained on texts, and conversations go to it by a chat template";
    for (int i = 0; i < 2; i++) {
      assertThat(assistant.ask(question(1).withAdapter("chats")).warning()).isNull();
      assertThat(assistant.ask(question(1).withAdapter("texts")).warning()).isEqualTo(line);
    }
    assertThat(warnings).filteredOn(one -> one.contains("trained on")).containsExactly(line);
  }

  @Test
  void anAliasThatMovesAnswersTheNextQuestion() {
    Registry registry = Registry.open(folder.resolve("registry"));
    Version first = registry.push("support", ONE, Note.of(null)).version();
    Version second = registry.push("support", OTHER, Note.of(null)).version();
    registry.alias("support", "champion", first, Alias.Expected.ANY, Note.of(null));
    assistant.name("support", "support@champion");
    assertThat(assistant.ask(question(5).withAdapter("support")).adapter())
        .isEqualTo(first.digest());
    registry.alias("support", "champion", second, Alias.Expected.ANY, Note.of(null));
    assistant.usual("support");
    assertThat(assistant.ask(question(5)).adapter()).isEqualTo(second.digest());
    registry.alias("support", "champion", null, Alias.Expected.ANY, Note.of(null));
    assertThatThrownBy(() -> assistant.ask(question(5))).hasMessageContaining("support");
    registry.state(
        dev.nudge.registry.Reference.parse("support:1"), VersionState.BLOCKED, Note.of(null));
    assertThatThrownBy(() -> assistant.ask(question(5).withAdapter("support:1")))
        .hasMessageContaining("blocked");
  }

  @Test
  void aToolThatHasToBeCalledIsCalledWithArgumentsOfItsSchema() {
    Question question =
        Question.of("weather?")
            .withSampling(SamplingSettings.greedy().withMaxTokens(200))
            .withTools((ArrayNode) Json.parse(TOOLS), Json.parse("\"required\""));
    Heard heard = new Heard();
    assistant.ask(question, heard).await();
    Answer answer = heard.whole();
    assertThat(answer.end()).isEqualTo(Answer.End.TOOL_CALLS);
    assertThat(answer.text()).isEmpty();
    AnswerText.Call call = answer.calls().getFirst();
    assertThat(call.name()).isEqualTo("weather");
    assertThat(Json.parse(call.arguments()).path("city").asString()).isIn("Rome", "Oslo");
    assertThat(heard.parts).containsExactly(new AnswerText.Part.ToolCall(0, call));

    ArrayNode more = question.messages().deepCopy();
    more.addObject()
        .put("role", "assistant")
        .put("content", "")
        .putArray("tool_calls")
        .addObject()
        .put("id", call.id())
        .put("type", "function")
        .putObject("function")
        .put("name", call.name())
        .put("arguments", call.arguments());
    more.addObject().put("role", "tool").put("tool_call_id", call.id()).put("content", "rain");
    Answer second =
        assistant.ask(Question.of(more).withSampling(SamplingSettings.greedy().withMaxTokens(4)));
    assertThat(second.usage().promptTokens()).isGreaterThan(answer.usage().promptTokens() / 2);
  }

  @Test
  void anAnswerThatIsHeldToASchemaIsValidUnderIt() {
    String schema =
        """
        {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3, "maximum": 5}},
          "required": ["n"], "additionalProperties": false}
        """;
    Answer answer =
        assistant.ask(
            Question.of("a number")
                .withJsonSchema(schema)
                .withSampling(SamplingSettings.greedy().withMaxTokens(60)));
    JsonNode value = Json.parse(answer.text());
    assertThat(value.path("n").asInt()).isBetween(3, 5);
    assertThat(answer.end()).isEqualTo(Answer.End.STOP);
  }

  @Test
  void anAnswerThatIsCancelledEndsWithinATokenAndKeepsWhatThereIs() throws Exception {
    Heard heard = new Heard();
    Serving.Running running = assistant.ask(question(400), heard);
    heard.begun.await();
    running.cancel();
    running.await();
    Answer answer = heard.whole();
    assertThat(answer.end()).isEqualTo(Answer.End.CANCELLED);
    assertThat(answer.text()).isNotEmpty();
    assertThat(answer.usage().completionTokens()).isLessThan(400);
  }

  @Test
  void aListenerThatFailsEndsItsOwnAnswerAlone() {
    List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
    AnswerListener broken =
        new AnswerListener() {
          @Override
          public void part(AnswerText.Part part) {
            throw new IllegalStateException("no more");
          }

          @Override
          public void done(Answer answer) {
            throw new AssertionError("done");
          }

          @Override
          public void failed(Throwable failure) {
            failures.add(failure);
          }
        };
    Serving.Running running = assistant.ask(question(30), broken);
    String other = assistant.ask(question(30)).text();
    running.await();
    assertThat(other).isEqualTo(alone(null, 30));
    assertThat(failures).singleElement().extracting(Throwable::getMessage).isEqualTo("no more");
  }

  @Test
  void mistakesAreOneLineThatNamesTheField() {
    assertThatThrownBy(() -> assistant.ask(question(5).withAdapter("nobody")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("there is no adapter 'nobody'");
    assertThatThrownBy(() -> assistant.name("x", "y")).hasMessageContaining("'y'");
    assertThatThrownBy(() -> assistant.ask(question(5).withTools(null, Json.parse("\"required\""))))
        .isInstanceOf(FieldException.class)
        .hasMessageContaining("without 'tools'");
    assertThatThrownBy(() -> assistant.ask(question(5).withJsonSchema("{\"type\": 3}")))
        .isInstanceOf(InputException.class);
    ArrayNode none = (ArrayNode) Json.parse("[{\"content\": \"x\"}]");
    assertThatThrownBy(() -> assistant.ask(Question.of(none)))
        .isInstanceOf(FieldException.class)
        .hasMessageContaining("role");
  }
}
