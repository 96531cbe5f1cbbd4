package dev.nudge;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.generate.Completion;
import dev.nudge.generate.Generation;
import dev.nudge.generate.Session;
import dev.nudge.nn.Machine;
import dev.nudge.settings.GenerateSettings;
import dev.nudge.settings.TrainSettings;
import dev.nudge.train.RunResult;
import dev.nudge.train.RunState;
import dev.nudge.train.TrainEvent;
import dev.nudge.train.Training;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Uses the library as the README shows it.
class FineTuneTest {
  private static final Path MODEL = Path.of("src/test/resources/golden/llama/grouped-tied/model");

  @Test
  void anAdapterIsTrainedAndAnswers(@TempDir Path temp) throws IOException {
    Path rows = temp.resolve("rows.jsonl");
    Files.writeString(rows, "{\"prompt\": \"pump:\", \"completion\": \" seal\"}\n".repeat(16));
    Path model = MODEL;
    Path out = temp.resolve("adapter");
    List<Double> losses = new ArrayList<>();
    Machine machine = new Machine(2, 4L << 30, Backends.cache(), "test");

    TrainSettings settings =
        TrainSettings.of(Map.of("model", model, "data", List.of(rows.toString()), "out", out))
            .with("learning_rate", 0.02)
            .with("epochs", 30);
    RunResult result =
        Training.run(
            Training.prepare(settings, machine),
            event -> {
              if (event instanceof TrainEvent.Step step) {
                losses.add(step.loss());
              }
            },
            () -> false); // asked between steps: stop now?

    GenerateSettings use = GenerateSettings.of(Map.of("model", model, "prompt", "pump:"));
    Completion answer;
    try (Session session = Session.load(use.model(), out, machine, System.out::println)) {
      answer = new Generation(session, use.sampling(), 2).complete("pump:", piece -> {});
    }

    assertThat(result.state()).isEqualTo(RunState.FINISHED);
    assertThat(losses).hasSize(30);
    assertThat(losses.getLast()).isLessThan(0.1 * losses.getFirst());
    assertThat(answer).isEqualTo(new Completion(" seal", answer.tokens(), Completion.Stop.EOS));
  }
}
