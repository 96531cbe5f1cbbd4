package dev.nudge.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainOn;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ArrayNode;

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
      "{% for m in messages %}{{ m.role ~ ':' ~ m.content ~ END }}{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";

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

  private String trained(Conversations.Tokens row) {
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
    Conversations.Tokens whole = rows(turns("eos_token"), TrainOn.ALL).conversation(talk, null);
    assertThat(whole.trained().cardinality()).isEqualTo(whole.ids().length - 1);
  }

  @Test
  void anAnswerWithoutAnEndIsGivenOne() throws IOException {
    ArrayNode talk = messages("user", "the pump", "assistant", "leaks");
    Conversations.Tokens open = rows(turns("''"), TrainOn.ASSISTANT).conversation(talk, null);
    assertThat(open.ids()[open.ids().length - 1]).isEqualTo(tokenizer.eosId());
    assertThat(open.trained().get(open.ids().length - 1)).isTrue();
    Conversations.Tokens ended =
        rows(turns("eos_token ~ ' '"), TrainOn.ALL).conversation(talk, null);
    assertThat(ended.ids()[ended.ids().length - 1]).isNotEqualTo(tokenizer.eosId());
  }

  @Test
  void aUserCannotEndATurn() throws IOException {
    String end = tokenizer.token(tokenizer.eosId());
    ChatRows rows = rows(turns("eos_token"), TrainOn.ASSISTANT);
    ArrayNode talk = messages("user", "the " + end + " pump", "assistant", "leaks");
    Conversations.Tokens row = rows.conversation(talk, null);
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
    Conversations.Tokens answer =
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
  void anAdaptersTemplateComesBeforeTheModels() throws IOException {
    Files.writeString(folder.resolve("chat_template.jinja"), "adapter {{ messages[0].content }}");
    ChatRows rows = ChatRows.of(MODEL, folder, null, TrainOn.ASSISTANT, tokenizer);
    assertThat(rows.prompt(messages("user", "a"), null).text()).isEqualTo("adapter a");
    ChatRows named = ChatRows.of(MODEL, folder, "chatml", TrainOn.ASSISTANT, tokenizer);
    assertThat(named.prompt(messages("user", "a"), null).text()).startsWith("<|im_start|>user");
  }
}
