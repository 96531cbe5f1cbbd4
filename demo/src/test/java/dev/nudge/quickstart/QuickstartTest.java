package dev.nudge.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.init.FreshFolder;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.InitSettings;
import dev.nudge.tensor.Ledger;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Goes the whole road with a tiny random model, which learns nothing in so few steps.
class QuickstartTest {
  private static final String CONFIG =
      """
      {"model_type": "llama", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1,
       "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 400,
       "max_position_embeddings": %d, "rms_norm_eps": 1e-5, "tie_word_embeddings": true}
      """;

  @TempDir static Path shared;
  @TempDir Path folder;
  private final List<Chapter> told = new ArrayList<>();

  @BeforeAll
  static void makeAModel() throws IOException {
    Path rows = shared.resolve("train.jsonl");
    Exam exam = Exam.draw(100, 1);
    List<String> lines =
        exam.training().stream()
            .map(t -> "{\"text\": \"" + (t.prompt() + t.completion()).replace("\n", "\\n") + "\"}")
            .toList();
    Files.write(rows, lines);
    for (int positions : new int[] {2048, 300}) {
      Path config = shared.resolve("config.json");
      Files.writeString(config, CONFIG.formatted(positions));
      FreshFolder.prepare(
              InitSettings.of(
                  Map.of(
                      "config",
                      config,
                      "out",
                      shared.resolve("m" + positions),
                      "tokenizer_data",
                      List.of(rows.toString()))))
          .write(() -> false);
    }
  }

  private @Nullable QuickstartResult run(@Nullable Path keep, String model, int stopAtStep) {
    Machine machine = new Machine(2, 4L << 30, Path.of("target/cache"), "test");
    return Quickstart.run(
        new QuickstartSettings(shared.resolve(model), keep, 40, 1, 1e-3, 6),
        machine,
        told::add,
        () -> steps() >= stopAtStep);
  }

  private long steps() {
    return told.stream().filter(c -> c instanceof Chapter.Trains(TrainEvent.Step _)).count();
  }

  @Test
  void everyStageHasItsChapterAndEverythingIsKept() {
    Path keep = folder.resolve("a/kept");
    QuickstartResult report = Objects.requireNonNull(run(keep, "m2048", Integer.MAX_VALUE));
    assertThat(told.stream().filter(c -> c instanceof Chapter.Begun).toList())
        .isEqualTo(Stream.of(Chapter.Stage.values()).map(Chapter.Begun::new).toList());
    assertThat(told)
        .contains(report.model(), report.base(), report.training(), report.adapter())
        .contains(report.samples(), report.merge(), report.sizes());
    assertThat(report.training().steps()).isEqualTo(3);
    assertThat(report.training().run().doubleQuant()).isTrue();
    assertThat(report.samples().samples()).hasSizeBetween(1, 3);
    assertThat(report.merge().merged().accepted()).isTrue();
    assertThat(report.passed()).isFalse(); // nothing can be right after three steps
    Chapter.Need full = Objects.requireNonNull(report.sizes().full());
    assertThat(full.frozen()).isZero();
    assertThat(full.trained()).isGreaterThan(report.sizes().qlora().trained());
    assertThat(keep.resolve("adapter/adapter_model.safetensors"))
        .hasSize(report.sizes().adapterBytes());
    assertThat(keep.resolve("merged/model.safetensors")).hasSize(report.sizes().modelBytes());
    assertThat(keep.resolve("train.jsonl")).isRegularFile();
    assertThat(keep.resolve("test.jsonl")).isRegularFile();
    assertThat(keep.resolve("few-shot.jsonl")).isRegularFile();
  }

  @Test
  void withoutAFolderNothingStays() throws InterruptedException {
    Map<String, Long> memory = Ledger.byOwner();
    assertThat(run(null, "m2048", Integer.MAX_VALUE)).isNotNull();
    assertThat(place()).doesNotExist();
    for (int i = 0; i < 60_000 && !Ledger.byOwner().equals(memory); i++) {
      Thread.sleep(10); // the warm-up, which a run only tells to end
    }
    assertThat(Ledger.byOwner()).isEqualTo(memory);
  }

  @Test
  void stoppedItReturnsNothingAndLeavesNothing() {
    assertThat(run(null, "m2048", 1)).isNull();
    assertThat(steps()).isEqualTo(1);
    assertThat(place()).doesNotExist();
    assertThat(run(null, "m2048", 0)).isNull();
  }

  @Test
  void aModelWithoutRoomIsRefusedBeforeAnythingIsWritten() {
    Path keep = folder.resolve("kept");
    assertThatThrownBy(() -> run(keep, "m300", Integer.MAX_VALUE))
        .isInstanceOf(InputException.class)
        .hasMessageMatching(
            "the quickstart's prompts and answers take up to \\d+ tokens of this model's tokenizer,"
                + " and it allows 300; give --model a model with more room");
    assertThat(told).isEmpty();
    assertThat(keep).doesNotExist();
  }

  /// The folder that the run wrote into, as its training told.
  private Path place() {
    return told.stream()
        .filter(c -> c instanceof Chapter.Trains(TrainEvent.Saved _))
        .map(c -> ((TrainEvent.Saved) ((Chapter.Trains) c).event()).folder().getParent())
        .findFirst()
        .orElseThrow();
  }
}
