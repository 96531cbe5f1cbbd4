package dev.nudge.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.data.tokens.Sequence;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainOn;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatTemplate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Conversations as tokens: what is trained, what ends it, what users cannot say.
class ChatRowsTest {
  private static final Path MODEL = Path.of("src/test/resources/golden/llama/grouped-tied/model");

  @TempDir Path folder;
  private Tokenizer tokenizer;

  @BeforeEach
  void load() {
    tokenizer = Tokenizer.load(MODEL, Backends.cache());
  }

  private ChatRows rows(String template, TrainOn on) throws IOException {
    Path file = Files.writeString(folder.resolve("t.jinja"), template);
    return ChatRows.of(MODEL, null, file.toString(), on, tokenizer);
  }

  private static final String TURNS =
      "{% for m in messages %}{{ m.role ~ ':' ~ m.content ~ END }}{% endfor %}{% if"
          + " add_generation_prompt %}assistant:{% endif %}";

  private static String turns(String end) {
    return TURNS.replace("END", end);
  }

  private static ArrayNode messages(String... roleAndContent) {
    List<String> all = new ArrayList<>();
    for (int i = 0; i < roleAndContent.length; i += 2) {
      all.add(
          "{\"role\": \"%s\", \"content\": \"%s\"}"
              .formatted(roleAndContent[i], roleAndContent[i + 1]));
    }
    return (ArrayNode) Json.parse("[" + String.join(",", all) + "]");
  }

  private String trained(Sequence row) {
    int[] ids =
        IntStream.range(0, row.ids().length)
            .filter(row.trained()::get)
            .map(i -> row.ids()[i])
            .toArray();
    return tokenizer.decode(ids, false);
  }

  @Test
  void whatTheAssistantSaysIsTrainedWithItsEnd() throws IOException {
    ArrayNode talk =
        messages(
            "user", "the pump", "assistant", "reads seven", "user", "bar", "assistant", "leaks");
    ChatRows all = rows(turns("eos_token"), TrainOn.ASSISTANT);
    String end = tokenizer.token(tokenizer.eosId());
    assertThat(trained(all.conversation(talk, null)))
        .isEqualTo("reads seven" + end + "leaks" + end);
    ChatRows last = rows(turns("eos_token"), TrainOn.LAST);
    assertThat(trained(last.conversation(talk, null))).isEqualTo("leaks" + end);
    Sequence whole = rows(turns("eos_token"), TrainOn.ALL).conversation(talk, null);
    assertThat(whole.trained().cardinality()).isEqualTo(whole.ids().length - 1);
  }

  /// What OpenAI's API takes and answers is trained as serving renders it.
  @Test
  void messagesInOpenAisFormAreTrainedInTheFormOfTemplates() throws IOException {
    ChatRows rows =
        rows(
            "{% for m in messages %}{{ m.role ~ ':' ~ (m.content or '') }}{% for c in m.tool_calls"
                + " or [] %}{{ c.function.name ~ c.function.arguments | tojson }}{% endfor %}{%"
                + " endfor %}",
            TrainOn.ALL);
    String form =
        "[{\"role\":\"%s\",\"content\":%s},{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":%s}}]}]";
    ArrayNode openAi =
        (ArrayNode)
            Json.parse(
                form.formatted(
                    "developer",
                    "[{\"type\":\"text\",\"text\":\"be\"},{\"type\":\"text\",\"text\":\"short\"}]",
                    "\"{\\\"x\\\": 1}\""));
    String before = openAi.toString();
    ArrayNode plain =
        (ArrayNode) Json.parse(form.formatted("system", "\"be\\nshort\"", "{\"x\": 1}"));
    assertThat(rows.conversation(openAi, null).ids())
        .isEqualTo(rows.conversation(plain, null).ids());
    assertThat(rows.prompt(openAi, null).text())
        .isEqualTo("system:be\nshortuser:aassistant:f{\"x\": 1}")
        .isEqualTo(rows.prompt(plain, null).text());
    assertThat(openAi).hasToString(before);
  }

  /// DeepSeek's template joins arguments with text.
  @Test
  void aTemplateThatTakesArgumentsAsTextsGetsThem() throws IOException {
    ChatRows rows =
        rows(
            "{% for m in messages %}{{ m.role ~ ':' ~ (m.content or '') }}{% for c in m.tool_calls"
                + " or [] %}{{ '<' + c.function.arguments + '>' }}{% endfor %}{% endfor %}",
            TrainOn.ALL);
    ArrayNode talk =
        (ArrayNode)
            Json.parse(
                "[{\"role\":\"developer\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":"
                    + " 1}\"}}]}]");
    assertThat(rows.prompt(talk, null).text()).isEqualTo("system:aassistant:<{\"x\": 1}>");
    assertThat(rows.conversation(talk, null).ids()).isNotEmpty();
  }

  /// Characters beyond 16 bits stand before an answer that is shorter than they are many.
  @Test
  void anAnswerBehindEmojisKeepsItsEnd() throws IOException {
    String emojis = new String(Character.toChars(0x1F602)).repeat(9);
    for (TrainOn on : TrainOn.values()) {
      ChatRows rows = rows(turns("eos_token"), on);
      for (ArrayNode talk :
          List.of(
              messages("user", emojis, "assistant", "b"),
              messages("user", "a", "assistant", emojis, "user", emojis, "assistant", "b"))) {
        int[] ids = rows.conversation(talk, null).ids();
        assertThat(Arrays.stream(ids).filter(tokenizer::isEnd).count()).isEqualTo(talk.size());
      }
    }
  }

  @Test
  void anEndBeforeTheLastAnswerIsNotItsEnd() throws IOException {
    ArrayNode talk = messages("user", "the pump", "assistant", "leaks");
    for (TrainOn on : List.of(TrainOn.ASSISTANT, TrainOn.ALL)) {
      Sequence row =
          rows("{% for m in messages %}{{ eos_token ~ m.role ~ ':' ~ m.content }}{% endfor %}", on)
              .conversation(talk, null);
      assertThat(row.ids()[row.ids().length - 1]).as(on.toString()).isEqualTo(tokenizer.eosId());
    }
  }

  @Test
  void anAnswerWithoutAnEndIsGivenOne() throws IOException {
    ArrayNode talk = messages("user", "the pump", "assistant", "leaks");
    Sequence open = rows(turns("''"), TrainOn.ASSISTANT).conversation(talk, null);
    assertThat(open.ids()[open.ids().length - 1]).isEqualTo(tokenizer.eosId());
    assertThat(open.trained().get(open.ids().length - 1)).isTrue();
    Sequence ended = rows(turns("eos_token ~ ' '"), TrainOn.ALL).conversation(talk, null);
    assertThat(ended.ids()[ended.ids().length - 1]).isNotEqualTo(tokenizer.eosId());
    Sequence broken =
        rows("{% for m in messages %}{{ m.content }} the {% endfor %}", TrainOn.ASSISTANT)
            .conversation(talk, null);
    assertThat(broken.ids()[broken.ids().length - 1]).isEqualTo(tokenizer.eosId());
    assertThat(trained(broken)).startsWith("leaks").endsWith(tokenizer.token(tokenizer.eosId()));
  }

  /// A model whose file has the end token among its added ones and does not call it special.
  @Test
  void anEndTokenThatIsNotCalledSpecialEndsAnAnswerOnce() throws IOException {
    String special = "\"content\": \"</s>\"";
    String json = Files.readString(MODEL.resolve("tokenizer.json"));
    int at = json.indexOf("\"special\": true", json.indexOf(special));
    Files.writeString(
        folder.resolve("tokenizer.json"),
        json.substring(0, at) + "\"special\": false" + json.substring(at + 15));
    Files.copy(MODEL.resolve("tokenizer_config.json"), folder.resolve("tokenizer_config.json"));
    tokenizer = Tokenizer.load(folder, Backends.cache());
    assertThat(tokenizer.isSpecial(tokenizer.eosId())).isFalse();
    Path file =
        Files.writeString(
            folder.resolve("t.jinja"),
            "{{ bos_token }}{% for m in messages %}{{ '[' ~ m.role ~ ']' ~ m.content | trim ~"
                + " eos_token }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}");
    ArrayNode talk =
        messages("user", "the pump", "assistant", "reads", "user", "b", "assistant", "leaks");
    for (TrainOn on : TrainOn.values()) {
      ChatRows rows = ChatRows.of(folder, null, file.toString(), on, tokenizer);
      Sequence row = rows.conversation(talk, null);
      assertThat(Arrays.stream(row.ids()).filter(tokenizer::isEnd).count()).isEqualTo(4);
      assertThat(row.ids()[row.ids().length - 1]).isEqualTo(tokenizer.eosId());
      assertThat(trained(row)).endsWith("leaks</s>");
      Sequence answer = rows.answer(messages("user", "a"), messages("assistant", "leaks"), null);
      assertThat(Arrays.stream(answer.ids()).filter(tokenizer::isEnd).count()).isEqualTo(2);
    }
  }

  @Test
  void aMessageCountsWhatItWeighs() throws IOException {
    ArrayNode talk =
        messages("user", "the", "assistant", "reads", "user", "b", "assistant", "leaks");
    ((ObjectNode) talk.get(3)).put("weight", 0.25);
    for (String end : new String[] {"eos_token", "''"}) {
      Sequence row = rows(turns(end), TrainOn.ASSISTANT).conversation(talk, null);
      double[] weights = Objects.requireNonNull(row.weights());
      assertThat(weights).hasSameSizeAs(row.ids());
      Set<Double> seen = new LinkedHashSet<>();
      for (int i = 0; i < row.ids().length; i++) {
        if (row.trained().get(i)) {
          seen.add(weights[i]);
        }
      }
      assertThat(seen).containsExactly(1.0, 0.25);
      assertThat(weights[row.ids().length - 1]).isEqualTo(0.25);
    }
    ((ObjectNode) talk.get(3)).put("weight", 0);
    int[] all = rows(turns("''"), TrainOn.ALL).conversation(talk, null).ids();
    for (String end : new String[] {"eos_token", "''"}) {
      Sequence row = rows(turns(end), TrainOn.ASSISTANT).conversation(talk, null);
      assertThat(row.weights()).isNull();
      assertThat(row.ids().length).isGreaterThanOrEqualTo(all.length); // no row is cut there
    }
  }

  @Test
  void whatATemplateHasNoPlaceForIsToldAndNotTrained() throws IOException {
    ChatRows rows = rows(turns("eos_token"), TrainOn.ASSISTANT);
    ArrayNode called = messages("user", "the pump", "assistant", "leaks");
    ((ObjectNode) called.get(1))
        .putArray("tool_calls")
        .addObject()
        .putObject("function")
        .put("name", "look");
    ArrayNode thought = messages("user", "the pump", "assistant", "leaks");
    ((ObjectNode) thought.get(1)).put("reasoning_content", "seven");
    ArrayNode tools = (ArrayNode) Json.parse("[{\"name\": \"look\"}]");
    ArrayNode plain = messages("user", "the pump", "assistant", "leaks");
    assertThatThrownBy(() -> rows.conversation(called, null))
        .hasMessageStartingWith(
            "the template leaves out the tool calls of message 2 (assistant); ");
    assertThatThrownBy(() -> rows.conversation(thought, null))
        .hasMessageStartingWith("the template leaves out the reasoning of message 2 (assistant); ");
    assertThatThrownBy(() -> rows.conversation(plain, tools))
        .hasMessageStartingWith("the template leaves out the tools; ");
    assertThatThrownBy(() -> rows.answer(messages("user", "a"), called, null))
        .hasMessageStartingWith(
            "the template leaves out the tool calls of message 3 (assistant); ");
    thought.addObject().put("role", "user").put("content", "b");
    assertThat(rows.prompt(thought, null).ids()).isNotEmpty(); // of an earlier answer
  }

  @Test
  void aUserCannotEndATurn() throws IOException {
    String end = tokenizer.token(tokenizer.eosId());
    ChatRows rows = rows(turns("eos_token"), TrainOn.ASSISTANT);
    ArrayNode talk = messages("user", "the " + end + " pump", "assistant", "leaks");
    Sequence row = rows.conversation(talk, null);
    long ends = Arrays.stream(row.ids()).filter(id -> id == tokenizer.eosId()).count();
    assertThat(ends).isEqualTo(2); // the template's own
    assertThat(trained(row)).isEqualTo("leaks" + end);
  }

  @Test
  void aPromptIsWhatComesBeforeAnAnswer() throws IOException {
    ChatRows rows = rows(turns("eos_token"), TrainOn.ASSISTANT);
    Conversations.Prompt prompt = rows.prompt(messages("user", "the pump"), null);
    assertThat(prompt.text())
        .isEqualTo("user:the pump" + tokenizer.token(tokenizer.eosId()) + "assistant:");
    assertThat(tokenizer.decode(prompt.ids(), false)).isEqualTo(prompt.text());
    Sequence answer =
        rows.answer(messages("user", "the pump"), messages("assistant", "leaks"), null);
    assertThat(Arrays.copyOf(answer.ids(), prompt.ids().length)).isEqualTo(prompt.ids());
    assertThat(answer.trained().nextSetBit(0)).isEqualTo(prompt.ids().length);
  }

  @Test
  void aModelWithoutATemplateSaysSoAtTheFirstConversation() {
    ChatRows rows = ChatRows.of(MODEL, null, null, TrainOn.ASSISTANT, tokenizer);
    assertThat(rows.used()).isNull();
    assertThatThrownBy(() -> rows.conversation(messages("user", "a", "assistant", "b"), null))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("has no chat template; name one by --template");
    assertThat(rows.digest()).isEqualTo("no template");
  }

  @Test
  void aTemplateThatWritesTheDateWritesThatOfItsDay() throws IOException {
    ChatRows rows = rows("{{ strftime_now('%Y-%m-%d') }} {{ messages[0].content }}", TrainOn.ALL);
    assertThat(rows.digest()).isNull(); // the time is not known
    ChatRows that = rows.on(Instant.parse("2025-03-01T23:59:59Z"));
    ChatRows next = rows.on(Instant.parse("2025-03-02T00:00:00Z"));
    ArrayNode talk = messages("user", "a");
    assertThat(that.prompt(talk, null).text()).isEqualTo("2025-03-01 a");
    assertThat(next.prompt(talk, null).text()).isEqualTo("2025-03-02 a");
    assertThat(that.digest()).isNotNull().isNotEqualTo(next.digest());
    assertThat(that.digest()).isEqualTo(rows.on(Instant.parse("2025-03-01T04:00:00Z")).digest());
    ChatRows timeless = rows("{{ messages[0].content }}", TrainOn.ALL);
    assertThat(timeless.digest())
        .isNotNull()
        .isEqualTo(timeless.on(Instant.parse("2025-03-01T04:00:00Z")).digest());
  }

  @Test
  void ourOwnTemplatesRefuseWhatTheyWouldLeaveOut() {
    ArrayNode call =
        (ArrayNode)
            Json.parse(
                "[{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\":"
                    + " null, \"tool_calls\": [{\"type\": \"function\", \"function\": {\"name\":"
                    + " \"f\", \"arguments\": {}}}]}]");
    ArrayNode parts =
        (ArrayNode)
            Json.parse(
                "[{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a\"}]},"
                    + " {\"role\": \"assistant\", \"content\": \"b\"}]");
    for (String name : ChatTemplate.knownNames()) {
      ChatRows rows = ChatRows.of(MODEL, null, name, TrainOn.ASSISTANT, tokenizer);
      assertThatThrownBy(() -> rows.conversation(call, null))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("the template " + name + " knows no tools");
      assertThatThrownBy(() -> rows.conversation(messages("user", "a", "assistant", "b"), call))
          .hasMessageContaining("knows no tools");
      assertThat(rows.conversation(parts, null).ids())
          .isEqualTo(rows.conversation(messages("user", "a", "assistant", "b"), null).ids());
      assertThat(trained(rows.conversation(messages("user", "a", "assistant", "leaks"), null)))
          .contains("leaks");
    }
  }

  @Test
  void aMessageThatTheTemplateLeavesOutIsToldAndNotTrained() throws IOException {
    ChatRows rows =
        rows(
            "{% for m in messages if m.role != 'system' %}{{ m.content ~ eos_token }}{% endfor %}",
            TrainOn.ASSISTANT);
    ArrayNode talk = messages("system", "be short", "user", "a", "assistant", "b");
    assertThatThrownBy(() -> rows.conversation(talk, null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "the template leaves out message 1 (system); take it out of the conversation, or give"
                + " another --template");
    assertThatThrownBy(() -> rows.prompt(messages("system", "be short", "user", "a"), null))
        .hasMessageStartingWith("the template leaves out message 1 (system)");
    assertThat(rows.conversation(messages("user", "a", "assistant", "b"), null).ids()).isNotEmpty();
  }

  @Test
  void theTokenThatEndsATurnIsKnown() throws IOException {
    assertThat(rows(turns("eos_token"), TrainOn.ASSISTANT).turnEnd()).isEqualTo(tokenizer.eosId());
    assertThat(rows(turns("''"), TrainOn.ASSISTANT).turnEnd()).isNull();
  }

  @Test
  void anAdaptersTemplateComesBeforeTheModels() throws IOException {
    Files.writeString(folder.resolve("chat_template.jinja"), "adapter {{ messages[0].content }}");
    ChatRows rows = ChatRows.of(MODEL, folder, null, TrainOn.ASSISTANT, tokenizer);
    assertThat(rows.prompt(messages("user", "a"), null).text()).isEqualTo("adapter a");
    ChatRows named = ChatRows.of(MODEL, folder, "chatml", TrainOn.ASSISTANT, tokenizer);
    assertThat(named.prompt(messages("user", "a"), null).text()).startsWith("<|im_start|>user");
  }
}
