package dev.nudge.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.ChannelsModel;
import dev.nudge.Nudge;
import dev.nudge.generate.Chat;
import dev.nudge.generate.Completion;
import dev.nudge.machine.Machine;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.ChatSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.text.chat.Harmony;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Teaches a tiny model one conversation in OpenAI's harmony format, and asks it.
class ChannelsTest {
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");

  @TempDir static Path temp;
  private static Path model = Path.of("");
  private static Path adapter = Path.of("");

  @BeforeAll
  static void teach() throws IOException {
    model = ChannelsModel.write(temp.resolve("model"));
    adapter = temp.resolve("adapter");
    Path rows = temp.resolve("rows.jsonl");
    Files.writeString(
        rows,
        """
        {"messages": [{"role": "user", "content": "pump:"}, {"role": "assistant", "reasoning_content": "seal", "content": "valve"}]}
        """
            .repeat(16));
    Nudge.on(MACHINE, warning -> {})
        .train(
            TrainSettings.of(model, rows, adapter).withLearningRate(0.02).withEpochs(100),
            TrainEvent.steps(step -> {}));
  }

  @Test
  void theAnalysisIsReasoningAndTheFinalChannelIsText() throws IOException {
    try (Assistant assistant =
        Assistant.open(ModelSettings.of(model), null, temp.resolve("registry"), MACHINE, w -> {})) {
      assistant.name("taught", adapter.toString());
      Answer answer = assistant.ask(Question.of("pump:"));
      assertThat(answer.thought()).isEqualTo("seal");
      assertThat(answer.text()).isEqualTo("valve");
      assertThat(answer.end()).isEqualTo(Answer.End.STOP);

      SamplingSettings greedy = SamplingSettings.greedy();
      Question ends = Question.of("pump:").withSampling(greedy.withStop("final", "analysis"));
      assertThat(assistant.ask(ends).text()).isEqualTo("valve");
      Question cut = Question.of("pump:").withSampling(greedy.withStop("lve", "<|"));
      assertThat(assistant.ask(cut).text()).isEqualTo("va");
      assertThat(assistant.ask(cut).thought()).isEqualTo("seal");

      SamplingSettings few = SamplingSettings.greedy().withMaxTokens(4);
      Answer constrained =
          assistant.ask(Question.of("pump:").withJsonSchema("{\"const\": 1}").withSampling(few));
      assertThat(constrained.text()).isEqualTo("1");
      int ahead = constrained.usage().promptTokens() - answer.usage().promptTokens();
      assertThat(ahead).isEqualTo(assistant.session().tokenizer().ids(Harmony.ANSWER).length);
    }
  }

  @Test
  void aChatShowsReasoningAndAsksAgainWithTheTextAlone() {
    ChatSettings settings = ChatSettings.of(model).withAdapter(List.of("taught=" + adapter));
    try (Chat chat = Chat.open(settings, MACHINE, w -> {})) {
      ConcurrentLinkedQueue<String> pieces = new ConcurrentLinkedQueue<>();
      Completion answer = chat.answer("pump:", pieces::add);
      assertThat(answer.text()).isEqualTo("<think>\nseal\n</think>\n\nvalve");
      assertThat(String.join("", pieces)).isEqualTo(answer.text());
      assertThat(chat.messages().path(1).path("content").asString()).isEqualTo("valve");
    }
  }
}
