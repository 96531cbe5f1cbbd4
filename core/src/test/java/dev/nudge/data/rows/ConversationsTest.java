package dev.nudge.data.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import dev.nudge.data.Conversations;
import dev.nudge.data.Dataset;
import dev.nudge.data.PromptEncoder;
import dev.nudge.data.Prompts;
import dev.nudge.data.TokenCache;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.Sequence;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.text.TinyTokenizers;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ArrayNode;

/// Holds what the data asks of a template, and does with what that gives.
class ConversationsTest {
  @TempDir Path folder;
  private Tokenizer tokenizer;

  /// Writes a message as its text and a full stop, and trains all of the last one.
  private final Conversations chat =
      new Conversations() {
        @Override
        public Sequence conversation(ArrayNode messages, @Nullable ArrayNode tools) {
          String before = text(messages, messages.size() - 1);
          if (before.contains("q")) {
            throw new IllegalArgumentException("the template refuses a q");
          }
          return tokens(before, text(messages, messages.size()));
        }

        @Override
        public Sequence answer(ArrayNode prompt, ArrayNode completion, @Nullable ArrayNode tools) {
          String before = text(prompt, prompt.size());
          return tokens(before, before + text(completion, completion.size()));
        }

        @Override
        public Prompt prompt(ArrayNode messages, @Nullable ArrayNode tools) {
          String text = text(messages, messages.size()) + (tools == null ? "" : "t");
          return new Prompt(text, tokenizer.ids(text));
        }

        private Sequence tokens(String before, String all) {
          int[] ids = tokenizer.ids(all);
          BitSet trained = new BitSet();
          trained.set(tokenizer.ids(before).length, ids.length);
          double[] weights = new double[ids.length];
          trained.stream().forEach(place -> weights[place] = place);
          return new Sequence(ids, trained, weights, 0, null);
        }

        private String text(ArrayNode messages, int count) {
          StringBuilder text = new StringBuilder();
          messages.valueStream().limit(count).forEach(m -> text.append(MessageOrder.text(m)));
          return text.toString();
        }
      };

  @BeforeEach
  void loadTokenizer() throws IOException {
    tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder.resolve("plain"), false));
  }

  private static String row(String user, String assistant) {
    return "{\"messages\": [{\"role\": \"user\", \"content\": \"%s\"}, {\"role\": \"assistant\", \"content\": \"%s\"}]}"
        .formatted(user, assistant);
  }

  private DataSettings data(String... rows) throws IOException {
    Path file = Files.writeString(folder.resolve("d.jsonl"), String.join("\n", rows));
    return DataSettings.of(List.of(file.toString()));
  }

  private Dataset load(DataSettings rows, boolean truncate, int maxLength) {
    LengthSettings length = new LengthSettings(truncate, false);
    return Dataset.load(rows, length, maxLength, tokenizer, chat, TokenCache.none());
  }

  @Test
  void theTokensOfTheTemplateAreTaken() throws IOException {
    String answer =
        "{\"prompt\": [{\"role\": \"user\", \"content\": \"x\"}], \"completion\": [{\"role\":"
            + " \"assistant\", \"content\": \"yz\"}]}";
    Dataset rows = load(data(row("xy", "z"), answer, "{\"text\": \"u\"}"), false, 9);
    assertThat(rows.examples()).extracting(Example::length).containsExactly(3, 3, 2);
    assertThat(rows.examples()).extracting(Example::trainedTokens).containsExactly(1, 2, 1);
    assertThat(rows.shapes())
        .hasToString("messages (1 row), prompt-completion (1 row), text (1 row)");
    assertThat(rows.columns().trained()).containsExactly("messages", "completion", "text");
  }

  @Test
  void aConversationThatIsTooLongIsBadOrLosesItsEnd() throws IOException {
    DataSettings rows = data(row("xy", "zuvw"), row("x", "y"));
    Dataset cut = load(rows, true, 4);
    assertThat(cut.examples()).extracting(Example::length).containsExactly(4, 2);
    assertThat(cut.examples()).extracting(Example::trainedTokens).containsExactly(2, 1);
    assertThat(cut.examples())
        .extracting(row -> row.weight(row.length() - 1))
        .containsExactly(3.0, 1.0);
    assertThat(cut.cutRows())
        .hasToString("1 of 2 rows was cut to 4 tokens: 1 conversation at the end");
    assertThatThrownBy(() -> load(rows, false, 4))
        .asInstanceOf(type(InputException.class))
        .satisfies(
            e ->
                assertThat(e.details().getFirst())
                    .endsWith("6 tokens are more than --max-length 4; --truncate cuts its end"));
  }

  @Test
  void whatTheTemplateRefusesIsABadRow() throws IOException {
    DataSettings rows = data(row("q", "z"), row("x", "y"));
    assertThatThrownBy(() -> load(rows, false, 9))
        .asInstanceOf(type(InputException.class))
        .satisfies(
            e ->
                assertThat(e.details())
                    .containsExactly(
                        folder.resolve("d.jsonl") + " line 1: the template refuses a q"));
  }

  @Test
  void promptsAreRenderedUpToTheAnswer() throws IOException {
    DataSettings rows =
        data(
            row("xy", "z"),
            "{\"messages\": [{\"role\": \"user\", \"content\": \"u\"}], \"tools\": [{\"name\":"
                + " \"f\"}]}",
            "{\"prompt\": \"w\"}");
    PromptEncoder encoder = new PromptEncoder(tokenizer, chat, false);
    Prompts prompts = Prompts.load(rows, null, 9, encoder);
    assertThat(prompts.prompts()).extracting(Prompts.Prompt::text).containsExactly("xy", "ut", "w");
    assertThatThrownBy(
            () ->
                Prompts.load(
                    data("{\"messages\": [{\"role\": \"assistant\", \"content\": \"u\"}]}"),
                    null,
                    9,
                    encoder))
        .asInstanceOf(type(InputException.class))
        .satisfies(
            e ->
                assertThat(e.details().getFirst())
                    .endsWith("the conversation has no message to answer"));
  }
}
