package dev.nudge.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.ShapeSettings;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Rows as questions: the prompt that `generate` makes of them, and the answer that they expect.
class PromptRowTest {
  private static final Path MODEL = Path.of("src/test/resources/golden/llama/grouped-tied/model");

  @TempDir Path folder;

  @Test
  void aRowAsksByItsPromptAndAConversationByWhatStandsBeforeItsLastAnswer() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("rows.jsonl"),
            """
            {"prompt": "the pump", "completion": " leaks"}
            no JSON
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "the seal"}, {"role": "assistant", "content": "leaks"}]}
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "the seal"}]}
            {"text": "the pump leaks"}
            {"prompt": "of another column", "messages": [{"role": "user", "content": "the seal"}, {"role": "assistant", "content": "leaks"}]}
            {"prompt": [{"role": "user", "content": "the pump"}], "completion": [{"role": "assistant", "content": "reads"}]}
            {"prompt": "the pump reads seven bar and leaks and leaks and leaks and leaks and leaks and leaks", "completion": " a"}
            """);
    Tokenizer tokenizer = Tokenizer.load(MODEL, Backends.cache());
    ChatRows chat = ChatRows.of(MODEL, null, "chatml", TrainOn.ASSISTANT, tokenizer);
    PromptEncoder encoder = new PromptEncoder(tokenizer, chat, false);
    DataSettings data =
        new DataSettings(
            List.of(file.toString()),
            null,
            null,
            ShapeSettings.RECOGNISED,
            TrainOn.ASSISTANT,
            true);
    int longest = 1_000;
    List<PromptRow> questions = PromptRow.of(data, longest, encoder);
    assertThat(questions.stream().map(PromptRow::expected).toList())
        .containsExactly(" leaks", "leaks", "leaks", "reads", " a");
    assertThat(questions.stream().map(PromptRow::index).toList()).containsExactly(0, 2, 5, 6, 7);
    assertThat(tokenizer.decode(questions.get(2).prompt(), false)).contains("the seal");
    List<Prompts.Prompt> prompts = Prompts.load(data, null, longest, encoder).prompts();
    for (PromptRow question : questions) {
      assertThat(
              prompts.stream().filter(p -> p.index() == question.index()).findFirst().orElseThrow())
          .satisfies(p -> assertThat(p.ids()).isEqualTo(question.prompt()));
    }
    int shortest = questions.getFirst().prompt().length + 1;
    assertThat(PromptRow.of(data, shortest, encoder)).hasSize(1); // no room for the others' answers
  }
}
