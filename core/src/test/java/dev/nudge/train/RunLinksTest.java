package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Faults;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.checkpoint.RunCheckpoints;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Puts links in the folder of a run: a run replaces or deletes them, and what they lead to stays.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a right there")
class RunLinksTest {
  private static final int STEPS = 4;

  @TempDir private Path temp;
  private Path out;
  private Path outside;
  private TrainSettings settings;
  private Map<String, String> before = Map.of();

  @BeforeEach
  void aRunThatWasStopped() throws IOException {
    out = temp.resolve("out");
    outside = Files.createDirectory(temp.resolve("outside"));
    Path data = TinyRun.rows(temp.resolve("rows.jsonl"), 16, 20, 1);
    settings =
        TinyRun.settings(
            TinyRun.TIED,
            data,
            out,
            "compute fp32 threads 1 lanes 1 batch_size 4 save_steps 1 keep 2");
    TinyRun.run(settings, 2);
    assertThat(RunCheckpoints.all(out)).hasSize(2);
  }

  /// Moves something of the run away and leaves a link.
  private void moveOut(String name) throws IOException {
    Path to = outside.resolve(Path.of(name).getFileName());
    Files.move(out.resolve(name), to);
    Files.createSymbolicLink(out.resolve(name), to);
    before = Faults.files(outside);
  }

  @AfterEach
  void whatLinksLeadToIsAsItWas() throws IOException {
    assertThat(before).isNotEmpty();
    assertThat(Faults.files(outside)).isEqualTo(before);
  }

  private List<Path> links() throws IOException {
    try (Stream<Path> all = Files.walk(out)) {
      return all.filter(Files::isSymbolicLink).toList();
    }
  }

  @Test
  void checkpointsElsewhereAreRefused() throws IOException {
    moveOut("checkpoints");
    for (TrainSettings each : List.of(settings, settings.with("overwrite", true))) {
      assertThatThrownBy(() -> Training.finished(each))
          .isInstanceOf(InputException.class)
          .hasMessage(
              "--out: %s is a link, and nothing outside --out is written; remove it, or give --out"
                  + " where it leads",
              out.resolve("checkpoints"));
    }
  }

  @Test
  void aLastAdapterElsewhereIsRefused() throws IOException {
    Files.createDirectory(out.resolve("last"));
    Files.writeString(out.resolve("last/adapter_config.json"), "mine");
    moveOut("last");
    assertThatThrownBy(() -> Training.finished(settings))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("last is a link");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aCheckpointThatIsALinkGoesAsALink(boolean overwrite) throws IOException {
    moveOut("checkpoints/step-000001");
    TrainSettings again = settings.with("overwrite", overwrite);
    assertThat(Training.finished(again)).isFalse();
    RunResult result = TinyRun.run(again, 99);
    assertThat(result.state()).isEqualTo(RunState.FINISHED);
    assertThat(result.steps()).isEqualTo(STEPS);
    assertThat(links()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"adapter_model.safetensors", "adapter_config.json", "run.json", "tokenizer.json"})
  void aFileThatIsALinkIsReplaced(String name) throws IOException {
    moveOut(name);
    assertThat(TinyRun.run(settings, 99).state()).isEqualTo(RunState.FINISHED);
    assertThat(links()).isEmpty();
  }

  @Test
  void metricsElsewhereAreNotWritten() throws IOException {
    moveOut("metrics.jsonl");
    assertThatThrownBy(() -> TinyRun.run(settings, 99))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("metrics.jsonl is a link, and what it leads to is not written");
    assertThat(TinyRun.run(settings.with("overwrite", true), 99).state())
        .isEqualTo(RunState.FINISHED);
    assertThat(links()).isEmpty();
  }
}
